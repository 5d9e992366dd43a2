// What a field of one's own is: its name, label, type and what belongs to the type.
import { fill, h } from '../../connect/dom.js';
import { button, check, field, refuse, select, text } from '../ui.js';
import { TYPES } from './grammar.js';
import { pairTable } from './pairs.js';

const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;
const PART_TYPES = TYPES.filter(([type]) => !['reference', 'object'].includes(type));

/**
 * Makes the form. `entities` are those that references may lead to; `touched` hears that something changed, and `'type'`
 * when it is the type.
 */
export function definitionForm({ definition, name, isNew, entities, touched }) {
  const given = { ...definition };
  const nameInput = text({ value: name, readonly: !isNew, class: 'mono', autocapitalize: 'none', oninput: () => touched() });
  const label = text({ value: given.label ?? '', oninput: () => touched() });
  const about = text({ value: given.description ?? '', oninput: () => touched() });
  const type = select(TYPES, { value: given.type ?? 'string', onchange: () => (draw(), touched('type')) });
  const list = check('A list of them', { checked: Boolean(given.list), onchange: () => touched() });
  const more = h('div');
  let read = () => ({});
  let values = () => [];

  const forms = {
    enum: () => {
      const table = pairTable({ label: 'Values and what they mean', titles: ['Value', 'Meaning'], given: given.values, onChange: () => touched('type') });
      read = () => ({ values: Object.fromEntries(Object.entries(table.value()).map(([value, meaning]) => [value, meaning || value])) });
      values = () => Object.keys(table.value());
      return h('div', { class: 'field' }, h('p', { class: 'label' }, 'Values'), table.element);
    },
    reference: () => {
      const list_ = h('datalist', { id: `to-${Math.random().toString(36).slice(2)}` }, entities.map(entity => h('option', { value: entity })));
      const to = text({ value: given.to ?? '', list: list_.id, class: 'mono', oninput: () => touched() });
      controls.to = to;
      read = () => ({ to: to.value.trim() || missing(to, 'The entity that it refers to is missing.') });
      return [list_, field('Refers to', to, 'An entity of the unified model or one of your own.')];
    },
    object: () => {
      const rows = h('div');
      const row = (partName, part) => {
        const own = text({ value: partName, class: 'mono', 'aria-label': 'Name of the part', oninput: () => touched() });
        const kind = select(PART_TYPES.filter(([one]) => one !== 'enum'), { value: part?.type ?? 'string', 'aria-label': 'Type of the part', onchange: () => touched() });
        const line = h('div', { class: 'part' }, own, kind, h('button', { type: 'button', class: 'small', 'aria-label': 'Remove this part', onclick: () => (line.remove(), touched()) }, '×'));
        line.read = () => [own.value.trim(), { ...part, type: kind.value }];
        rows.append(line);
      };
      for (const [partName, part] of Object.entries(given.parts ?? { '': null })) row(partName, part);
      read = () => ({ parts: Object.fromEntries([...rows.children].map(line => line.read()).filter(([partName]) => partName)) });
      return h('div', { class: 'field' }, h('p', { class: 'label' }, 'Parts'), rows, button('Add a part', () => row('', null), 'small'), h('p', { class: 'help' }, 'Where they come from is said in the long form of the value: ', h('code', {}, '{"object": {"part": "path"}}'), '.'));
    },
  };
  const controls = { name: nameInput, type, label };
  function draw() {
    delete controls.to;
    read = () => ({});
    values = () => [];
    fill(more, forms[type.value]?.());
  }
  draw();
  return {
    element: h(
      'div',
      { class: 'definition' },
      h('div', { class: 'pair' }, field('Name in queries', nameInput, isNew ? 'Letters, digits and _, such as costCenter.' : undefined), field('Label', label)),
      h('div', { class: 'pair' }, field('Type', type), field('Description (optional)', about)),
      list,
      more,
    ),
    controls,
    type: () => type.value,
    values: () => values(),
    name: () => nameInput.value.trim(),
    read() {
      if (!NAME.test(nameInput.value.trim())) missing(nameInput, nameInput.value.trim() ? 'The name must begin with a letter and have letters, digits and _ only.' : 'The name is missing.');
      return {
        type: type.value,
        ...(list.querySelector('input').checked && { list: true }),
        ...(label.value.trim() && { label: label.value.trim() }),
        ...(about.value.trim() && { description: about.value.trim() }),
        ...read(),
      };
    },
  };
}

function missing(control, message) {
  control.focus();
  return refuse(message);
}
