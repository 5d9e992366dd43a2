// Parts that the views of mappings share: the head with its tabs, badges, problems, changes, a choice of few.
import { fill, h, icon, prose, sentence } from '../../connect/dom.js';
import { back, refuse } from '../ui.js';
import { shown } from './grammar.js';
import { LAYER_NAMES } from './place.js';

const TABS = [
  ['mappings', 'Entities'],
  ['versions', 'Versions'],
  ['yaml', 'YAML'],
];

/** Makes the head of a view. `up` is the address and title of the view above. */
export function head(place, current, title, { up, about, actions } = {}) {
  const above = up ?? (place.isStaff ? [`#/connections/${place.id}`, place.connection.name] : null);
  return [
    above && back(...above),
    h('div', { class: 'top' }, h('div', {}, h('h1', { class: String(title).length > 34 && 'long' }, title), about && h('p', { class: 'soft' }, about)), actions && h('div', { class: 'actions' }, actions)),
    h('nav', { class: 'tabs', 'aria-label': 'Mappings' }, TABS.map(([view, name]) => h('a', { href: place.href(view), 'aria-current': view === current ? 'page' : undefined }, name))),
  ];
}

const TINTS = { ORGANIZATION: 'org', CUSTOMER: 'cust', CONNECTION: 'conn' };
/** Names the layer that something comes from. */
export const origin = kind => h('span', { class: `badge ${TINTS[kind] ?? 'calm'}` }, LAYER_NAMES[kind] ?? String(kind).toLowerCase());

/** A choice of few things, as buttons beside each other. */
export function segments(label, options, current, choose) {
  const group = h('div', { class: 'segments', role: 'group', 'aria-label': label });
  for (const [value, name] of options) {
    const one = h('button', { type: 'button', 'aria-pressed': value === current, 'data-value': value }, name);
    one.addEventListener('click', () => {
      for (const other of group.children) other.setAttribute('aria-pressed', String(other === one));
      choose(value);
    });
    group.append(one);
  }
  return group;
}

const place = ({ entity, field, line }) => [line && `Line ${line}`, entity && [entity, field].filter(Boolean).join('.')].filter(Boolean).join(', ');

/** Shows problems; `go` is called with the line of one that has a line. */
export function problemList(problems, go) {
  if (!problems.length) return null;
  return h(
    'ul',
    { class: 'problems' },
    problems.map(problem =>
      h(
        'li',
        { class: problem.severity === 'ERROR' ? 'failed' : 'warning' },
        h('span', { class: 'mark' }, icon(problem.severity === 'ERROR' ? 'failed' : 'warning')),
        h(
          'span',
          { class: 'what' },
          h('span', { class: 'unseen' }, problem.severity === 'ERROR' ? 'Error: ' : 'Warning: '),
          place(problem) && [go && problem.line ? h('button', { type: 'button', class: 'plain', onclick: () => go(problem.line) }, place(problem)) : h('b', {}, place(problem)), ': '],
          prose(sentence(problem.message)),
          problem.help && h('span', { class: 'under' }, prose(sentence(problem.help))),
        ),
      ),
    ),
  );
}

/** Where in the mapping of its field a change stands; paths are pointers from the whole document. */
const within = path => (path?.startsWith('/') ? path.split('/').slice(5).join(' › ') : path);

const KINDS = { ADDED: 'added', REMOVED: 'removed', CHANGED: 'changed' };
const change = one =>
  h(
    'li',
    {},
    h('span', { class: `kind ${KINDS[one.kind]}` }, KINDS[one.kind]),
    h('span', { class: 'where' }, h('b', {}, [one.entity, one.field].filter(Boolean).join('.')), within(one.path) && [' ', h('code', { class: 'soft' }, within(one.path))]),
    one.before !== null && one.before !== undefined && h('del', {}, h('span', { class: 'unseen' }, 'before: '), shown(one.before, 400)),
    one.after !== null && one.after !== undefined && h('ins', {}, h('span', { class: 'unseen' }, 'after: '), shown(one.after, 400)),
  );

/** Shows the differences of two versions. */
export function changeList(changes) {
  return changes.length ? h('ul', { class: 'changes' }, changes.map(change)) : h('p', { class: 'soft' }, 'Nothing differs.');
}

/** Refuses what a form holds; whoever saves it is led to the control, and a preview only tells it. */
export function missing(control, message) {
  try {
    return refuse(message);
  } catch (error) {
    throw Object.assign(error, { control });
  }
}

/** Makes rows in portions, so that long lists do not hold the page up. Returns what stops it. */
export function portions(body, rows, make, size = 60) {
  let at = 0;
  let frame = 0;
  const next = () => {
    body.append(...rows.slice(at, (at += size)).map(make));
    if (at < rows.length) frame = requestAnimationFrame(next);
  };
  fill(body);
  next();
  return () => cancelAnimationFrame(frame);
}

let told = 0;
/** Shows what is wrong below a control, or nothing. */
export function wrong(control, problems) {
  const holder = control.closest('.field') ?? control;
  holder.querySelector(':scope > .wrong-here')?.remove();
  const described = (control.getAttribute('aria-describedby') ?? '').split(' ').filter(id => id && !id.startsWith('wrong-'));
  if (described.length) control.setAttribute('aria-describedby', described.join(' '));
  else control.removeAttribute('aria-describedby');
  control.removeAttribute('aria-invalid');
  holder.classList.toggle('is-wrong', problems.some(({ severity }) => severity === 'ERROR'));
  if (!problems.length) return;
  const id = `wrong-${(told += 1)}`;
  holder.append(h('div', { class: 'wrong-here', id }, problemList(problems.map(({ line, entity, field, ...rest }) => rest))));
  if (!control.matches('input, select, textarea')) return;
  control.setAttribute('aria-describedby', [...described, id].join(' '));
  control.setAttribute('aria-invalid', 'true');
}
