// Takes an organization's colour onto the page so that every text on it and in it keeps a contrast of 5 to 1.

const LIGHT = [255, 255, 255];
const DARK = [28, 37, 53];
const NEEDED = 5;

/** Reads `#rgb` or `#rrggbb`; anything else is no colour. */
export function parse(text) {
  const match = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text?.trim() ?? '');
  if (!match) return null;
  const digits = match[1].length === 3 ? [...match[1]].map(digit => digit + digit).join('') : match[1];
  return [0, 2, 4].map(at => parseInt(digits.slice(at, at + 2), 16));
}

function luminance(colour) {
  const [red, green, blue] = colour.map(value => {
    const part = value / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Returns the contrast of two colours, 1 to 21. */
export function contrast(one, other) {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

/** Moves a colour towards black or white until it stands out from a ground. */
export function readable(colour, ground) {
  const target = luminance(ground) > 0.5 ? 0 : 255;
  for (let share = 0; share < 1; share += 0.04) {
    const moved = colour.map(value => Math.round(value + (target - value) * share));
    if (contrast(moved, ground) >= NEEDED) return moved;
  }
  return [target, target, target];
}

/** Gives the page an organization's colour, one for a light and one for a dark ground. */
export function dress(text) {
  const colour = parse(text);
  if (!colour) return;
  const style = document.documentElement.style;
  style.setProperty('--brand-on-light', `rgb(${readable(colour, LIGHT).join(' ')})`);
  style.setProperty('--brand-on-dark', `rgb(${readable(colour, DARK).join(' ')})`);
}
