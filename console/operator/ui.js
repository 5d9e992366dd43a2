// The parts that the views are made of: badges, times, tables, notices, dialogs, forms.
import { copy, fill, h, icon, sentence } from '../connect/dom.js';

const TONES = {
  ACTIVE: 'good', OK: 'good', DELIVERED: 'good', CLOSED: 'good', SUCCEEDED: 'good', ENABLED: 'good',
  IN_DOUBT: 'warn', READ_ONLY: 'warn', SIMULATE: 'warn',
  DEGRADED: 'warn', RATE_LIMITED: 'warn', PENDING: 'calm', WARNING: 'warn', HALF_OPEN: 'warn',
  UNREACHABLE: 'bad', REAUTH_REQUIRED: 'bad', FAILED: 'bad', OPEN: 'bad', DENIED: 'bad',
};
export const words = text => text.toLowerCase().replaceAll('_', ' ');

/** Shows a state as a word with a colour. */
export const badge = text => h('span', { class: `badge ${TONES[String(text).toUpperCase()] ?? 'calm'}` }, words(String(text)));

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const STEPS = [['second', 60], ['minute', 60], ['hour', 24], ['day', 30], ['month', 12], ['year', Infinity]];

function distance(at) {
  let value = (at - Date.now()) / 1000;
  for (const [unit, size] of STEPS) {
    if (Math.abs(value) < size) return unit === 'second' && Math.abs(value) < 10 ? 'now' : relative.format(Math.round(value), unit);
    value /= size;
  }
  return '';
}

/** Shows a time as its distance from now, with the exact one on hover. */
export function time(text, none = '—') {
  if (!text) return h('span', { class: 'soft' }, none);
  const at = new Date(text);
  return h('time', { datetime: text, title: absolute.format(at) }, distance(at));
}
export const exact = text => (text ? absolute.format(new Date(text)) : '—');
setInterval(() => {
  for (const one of document.querySelectorAll('time')) one.textContent = distance(new Date(one.dateTime));
}, 15000);

/** Makes a table. A column is `{ title, cell, wide? }`; `wide` ones go where the screen is narrow. */
export function table(columns, rows, { label, empty = 'Nothing here yet.' }) {
  if (!rows.length) return h('p', { class: 'empty' }, empty);
  return h(
    'div',
    { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label },
    h(
      'table',
      {},
      h('caption', { class: 'unseen' }, label),
      h('thead', {}, h('tr', {}, columns.map(column => h('th', { scope: 'col', class: column.wide && 'wide' }, column.title)))),
      h('tbody', {}, rows.map(row => tableRow(columns, row))),
    ),
  );
}
const tableRow = (columns, row) => h('tr', { 'data-id': row.id }, columns.map(column => h('td', { class: column.wide && 'wide' }, column.cell(row))));

/** The code of what the console refuses itself. */
const LOCAL = 'LOCAL';
export const refuse = message => {
  throw Object.assign(new Error(message), { code: LOCAL });
};

/** Shows a refusal. */
export function refusal(error) {
  const texts = {
    FORBIDDEN: 'This key may not do that: it belongs to a single connection. The console needs a key of the organization.',
    NO_ANSWER: `${error.message} Try again in a moment.`,
    SIMULATE_NOT_ALLOWED: 'Writes of this connection may not be simulated: the setting writes.simulate of the server allows it only for systems on its own machine. The mode is as before.',
  };
  return h(
    'div',
    { class: 'notice bad', role: 'alert' },
    icon('failed'),
    h(
      'div',
      {},
      h('p', {}, texts[error.code] ?? sentence(error.message)),
      error.problems?.length > 0 && h('ul', {}, error.problems.map(problem => h('li', {}, problem.field ? `${problem.field}: ` : '', sentence(problem.message)))),
      error.code && error.code !== LOCAL && h('p', { class: 'soft' }, error.code),
    ),
  );
}
export const notice = (tone, ...children) => h('div', { class: `notice ${tone}` }, icon(tone === 'good' ? 'ok' : 'warning'), h('div', {}, children));

export const button = (text, onclick, kind = '') => h('button', { type: 'button', class: kind, onclick }, text);

/** Runs something while its button waits; what goes wrong is shown in `place`. */
export async function act(button, place, work) {
  button.disabled = true;
  try {
    place && fill(place);
    return await work();
  } catch (error) {
    if (!error.code) throw error;
    if (place) fill(place, refusal(error));
    else say(error.message);
    return undefined;
  } finally {
    button.disabled = false;
  }
}

/** Says something for a moment, to screen readers too. */
export function say(text) {
  const place = document.getElementById('said');
  fill(place, h('p', {}, text));
  clearTimeout(say.wait);
  say.wait = setTimeout(() => fill(place), 5000);
}

/** Fills a place with what is read; what goes wrong is shown there in its stead. */
export async function load(place, read) {
  try {
    fill(place, await read());
  } catch (error) {
    if (!error.code) throw error;
    fill(place, refusal(error));
  }
}

let fields = 0;
/** Makes a labelled input; `input` is any control. */
export function field(label, input, help) {
  input.id = `f${(fields += 1)}`;
  const note = help && h('p', { class: 'help', id: `${input.id}-help` }, help);
  if (note) input.setAttribute('aria-describedby', note.id);
  return h('div', { class: 'field' }, h('label', { for: input.id }, label), input, note);
}
export const text = (given = {}) => h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', ...given });
export const select = (options, given = {}) => h('select', given, options.map(([value, label]) => h('option', { value, selected: value === given.value }, label)));
export const check = (label, given = {}) => h('label', { class: 'check' }, h('input', { type: 'checkbox', ...given }), h('span', {}, label));

/** A link to a connection by the end of its id, which tells connections apart. */
export const toConnection = id => h('a', { href: `#/connections/${id}`, title: id, class: 'mono' }, `…${id.slice(-12)}`);

/** The way to the view above. */
export const back = (href, title) => h('p', { class: 'back' }, h('a', { href }, icon('back'), title));

/** A text to take away, with a button that copies it. */
export function takeAway(label, value) {
  const input = h('input', { type: 'text', readonly: true, value, onfocus: event => event.target.select(), 'aria-label': label, class: 'mono' });
  const done = h('button', { type: 'button', onclick: async () => say((await copy(value, input)) ? 'Copied.' : 'Press Ctrl+C to copy.') }, 'Copy');
  return h('div', { class: 'take' }, input, done);
}

/** Opens a dialog. `body` is called with a function that closes it; it returns what to show. */
export function dialog(title, body) {
  const element = h('dialog', { 'aria-labelledby': 'dialog-title' });
  const close = () => element.close();
  element.append(h('h2', { id: 'dialog-title' }, title), ...[body(close)].flat(Infinity).filter(Boolean));
  element.addEventListener('close', () => element.remove());
  document.body.append(element);
  element.showModal();
  return element;
}

/** Opens a dialog with a form. `work` runs when it is sent; what it returns takes the place of the form. */
export function formDialog(title, parts, action, work, kind = 'main') {
  return dialog(title, close => {
    const problem = h('div');
    const send = h('button', { class: kind }, action);
    const form = h('form', { novalidate: true }, parts, problem, h('div', { class: 'actions' }, send, button('Cancel', close)));
    form.addEventListener('submit', async event => {
      event.preventDefault();
      const outcome = await act(send, problem, async () => (await work(form)) ?? 'done');
      if (outcome === 'done') close();
      else if (outcome) {
        const shown = h('div', { role: 'status' }, outcome, h('div', { class: 'actions' }, button('Done', close, 'main')));
        form.replaceWith(shown);
        shown.querySelector('button').focus();
      }
    });
    return form;
  });
}

/** Shows a list page by page. `read` gets a cursor and returns `{ nodes, cursor }`; `draw` shows all that was read. */
export function pages(read, draw) {
  const list = h('div');
  const problem = h('div');
  const more = button('Show more', () => next());
  let rows = [];
  let cursor = null;
  let turn = 0;
  async function next() {
    const own = turn;
    await act(more, problem, async () => {
      const page = await read(cursor);
      if (own !== turn) return;
      rows = rows.concat(page.nodes);
      cursor = page.cursor;
      show();
    });
  }
  function show() {
    fill(list, draw(rows));
    more.hidden = !cursor;
  }
  async function restart() {
    turn += 1;
    rows = [];
    cursor = null;
    await next();
  }
  more.hidden = true;
  return { element: h('div', {}, list, problem, h('div', { class: 'actions' }, more)), restart, show, rows: () => rows };
}
