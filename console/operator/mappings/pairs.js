// A table of two columns in which rows are typed: source values and what they become, or values and their meanings.
import { fill, h } from '../../connect/dom.js';
import { button, text } from '../ui.js';

/**
 * Makes the table. `titles` name its columns; `choices` are the values of the second column, if it has only some;
 * `offered` are first values that were seen and may be added.
 */
export function pairTable({ label, titles, given, choices, offered = [], onChange }) {
  const body = h('tbody');
  const offer = h('div', { class: 'offer' });
  const add = button('Add a row', () => (row('', ''), body.lastChild.querySelector('input').focus()), 'small');

  function row(from, to) {
    const left = text({ value: from, 'aria-label': titles[0], oninput: told });
    const right = choices
      ? h('select', { 'aria-label': titles[1], onchange: told }, [['', 'choose …'], ...[...new Set([...choices, ...(to ? [to] : [])])].map(value => [value, value])].map(([value, name]) => h('option', { value, selected: value === to }, name)))
      : text({ value: to, 'aria-label': titles[1], oninput: told });
    const remove = h('button', { type: 'button', class: 'small', 'aria-label': `Remove ${from || 'this row'}`, onclick: () => (line.remove(), told(), add.focus()) }, '×');
    const line = h('tr', {}, h('td', {}, left), h('td', {}, right), h('td', {}, remove));
    body.append(line);
    return right;
  }
  function told() {
    drawOffer();
    onChange();
  }
  const value = () => Object.fromEntries([...body.rows].map(line => [...line.querySelectorAll('input, select')].map(input => input.value.trim())).filter(([from, to]) => from !== '' && (to !== '' || !choices)));

  function drawOffer() {
    const known = value();
    const left = offered.filter(({ value: one }) => !Object.hasOwn(known, one));
    fill(
      offer,
      left.length > 0 && [
        h('span', { class: 'soft' }, 'Seen in the system: '),
        left.slice(0, 40).map(({ value: one, label: name }) =>
          h('button', { type: 'button', class: 'small', title: name, 'aria-label': `Add ${[one, name !== one && name].filter(Boolean).join(' ')}`, onclick: () => (row(one, guess(one, name, choices)).focus(), told()) }, one === '' ? '(empty)' : one, name && name !== one && h('span', { class: 'soft' }, ` ${name}`)),
        ),
      ],
    );
  }

  for (const [from, to] of Object.entries(given ?? {})) row(from, String(to));
  drawOffer();
  const element = h(
    'div',
    { class: 'pairs-table' },
    h('table', {}, h('caption', { class: 'unseen' }, label), h('thead', {}, h('tr', {}, titles.map(title => h('th', { scope: 'col' }, title)), h('th', { scope: 'col' }, h('span', { class: 'unseen' }, 'Remove')))), body),
    h('div', { class: 'actions' }, add),
    offer,
  );
  return { element, value };
}

/** Proposes the unified value that is spelled like the source value. */
function guess(value, label, choices) {
  const plain = text => String(text ?? '').toUpperCase().replace(/[^A-Z0-9]+/g, '_');
  return choices?.find(choice => choice === plain(value) || choice === plain(label)) ?? '';
}
