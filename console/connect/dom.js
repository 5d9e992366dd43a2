// Makes and fills elements. Nothing is ever parsed as HTML and no style attribute is written, so the strictest
// content security policy holds.

const OWN = new Set(['value', 'checked', 'disabled', 'selected', 'indeterminate', 'open', 'hidden', 'textContent']);

/** Makes an element: properties, listeners (`onclick`), attributes, and children (nodes, texts, lists, nothing). */
export function h(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (OWN.has(name)) element[name] = value;
    else if (name.startsWith('aria-')) element.setAttribute(name, String(value));
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false) element.setAttribute(name, String(value));
  }
  element.append(...nodes(children));
  return element;
}

/** Puts children in the place of what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

function nodes(children) {
  return children.flat(Infinity).filter(child => child !== undefined && child !== null && child !== false && child !== '');
}

const SVG = 'http://www.w3.org/2000/svg';
const ICONS = {
  ok: 'M4 10.5l4 4 8-9',
  warning: 'M10 3.5v8M10 15.5v.6',
  failed: 'M5 5l10 10M15 5L5 15',
  back: 'M12 4l-6 6 6 6',
  open: 'M8 4h8v8M16 4L5 15',
  search: 'M8.5 3.5a5 5 0 100 10 5 5 0 000-10zM12.3 12.3l4.2 4.2',
  cloud: 'M6 15.5a3.5 3.5 0 01-.4-7A4.8 4.8 0 0114.9 8a3.8 3.8 0 01-.4 7.5z',
  server: 'M3.5 4h13v5h-13zM3.5 11h13v5h-13zM6.5 6.5h.5M6.5 13.5h.5',
  key: 'M12.5 3.5a4 4 0 11-3.4 6.1L3.5 15.2v1.9h3v-2h2v-2l1.6-1.5',
};

/** Makes a small line drawing that screen readers pass over. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  const path = document.createElementNS(SVG, 'path');
  svg.setAttribute('viewBox', '0 0 20 20');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

/** Turns a text with `code` in back-ticks into nodes. */
export function prose(text) {
  return String(text ?? '')
    .split('`')
    .map((part, index) => (index % 2 ? h('code', {}, part) : part));
}

/** Messages of errors begin small and end without a full stop; people read sentences. */
export function sentence(text) {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}

/** Copies a text; where the browser forbids it, selects the field that shows it. */
export async function copy(text, field) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    field?.select();
    return false;
  }
}
