// Tells the page around the frame what happens, and only the one that the link names.

let origin = null;
export const isFramed = window.parent !== window;

/** Begins to tell; without an origin nothing is told, and of a page of fixed height not how high it is. */
export function begin(frameOrigin, { isFixed = false } = {}) {
  if (!isFramed || !frameOrigin || origin) return;
  origin = frameOrigin;
  document.documentElement.classList.add('framed');
  tell('ready');
  if (isFixed) return;
  let last = 0;
  new ResizeObserver(() => {
    const height = Math.ceil(document.getElementById('page').getBoundingClientRect().height);
    if (height !== last) tell('resize', { height: (last = height) });
  }).observe(document.getElementById('page'));
}

/** Returns whether somebody listens. */
export const isHeard = () => origin !== null;

/** Tells one thing: `ready`, `resize`, `connected`, `failed`, `cancelled` or `saved`. */
export function tell(type, more = {}) {
  if (origin) window.parent.postMessage({ source: 'lineshaft', type, ...more }, origin);
}
