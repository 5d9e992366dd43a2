// What a field of one's own is: its name, label, type and what belongs to the type.
import { fill, h } from '../../connect/dom.js';
import { button, check, field, select, text } from '../ui.js';
import { TYPES } from './grammar.js';
import { pairTable } from './pairs.js';
import { missing } from './parts.js';

const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;
/** Parts are of one value each; parts with values of their own are written as YAML. */
const PART_TYPES = TYPES.filter(([type]) => !['reference', 'object', 'enum'].includes(type));

/** Returns whether the parts of an object come from a path each, so that they have a row each. */
const isPlain = ({ parts, source }) => {
  const isOfPaths = Object.keys(source ?? {}).join() === 'object' && Object.values(source.object).every(path => typeof path === 'string');
  return (!source || isOfPaths) && Object.values(parts ?? {}).every(({ type }) => type !== 'enum');
};

/**
 * Makes the form. `entities` are those that references may lead to, `paths` those that the system describes; `touched` hears that something changed, and `'type'`
 * when it is the type.
 */
export function definitionForm({ definition, name, isNew, entities, paths, touched }) {
  const given = { ...definition };
  const nameInput = text({ value: name, readonly: !isNew, class: 'mono', autocapitalize: 'none', oninput: () => touched() });
  const label = text({ value: given.label ?? '', oninput: () => touched() });
  const about = text({ value: given.description ?? '', oninput: () => touched() });
  const type = select(TYPES, { value: given.type ?? 'string', onchange: () => (draw(), touched('type')) });
  const list = check('A list of them', { checked: Boolean(given.list), onchange: () => touched() });
  const more = h('div');
  let read = () => ({});
  let values = () => [];
  let sources = () => null;
  let isByParts = false;

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
      const known = h('datalist', { id: `of-${Math.random().toString(36).slice(2)}` }, paths.map(path => h('option', { value: path })));
      const rows = h('div');
      const row = (partName, part, path) => {
        const own = text({ value: partName, class: 'mono', placeholder: 'name', 'aria-label': 'Name of the part', oninput: () => touched() });
        const kind = select(PART_TYPES, { value: part?.type ?? 'string', 'aria-label': 'Type of the part', onchange: () => touched() });
        const from = text({ value: path ?? '', list: known.id, class: 'mono', placeholder: 'path', 'aria-label': 'Path of the part', oninput: () => touched() });
        const line = h('div', { class: 'part' }, own, kind, from, h('button', { type: 'button', class: 'small', 'aria-label': 'Remove this part', onclick: () => (line.remove(), touched()) }, '×'));
        line.read = () => ({ name: own.value.trim(), part: { ...part, type: kind.value }, path: from.value.trim() || missing(from, 'The path of a part is missing.') });
        rows.append(line);
      };
      for (const [partName, part] of Object.entries(given.parts ?? { '': null })) row(partName, part, given.source?.object?.[partName]);
      const parts = () => [...rows.children].map(line => line.read()).filter(part => part.name);
      read = () => ({ parts: Object.fromEntries(parts().map(part => [part.name, part.part])) });
      sources = () => Object.fromEntries(parts().map(part => [part.name, part.path]));
      return h('div', { class: 'field' }, known, h('p', { class: 'label' }, 'Parts, and where they come from'), rows, button('Add a part', () => row('', null), 'small'));
    },
  };
  const controls = { name: nameInput, type, label };
  function draw() {
    delete controls.to;
    fill(more);
    read = () => ({});
    values = () => [];
    sources = () => null;
    isByParts = type.value === 'object' && (given.type !== 'object' || isPlain(given));
    if (type.value === 'object' && !isByParts) read = () => ({ parts: given.parts });
    else fill(more, forms[type.value]?.());
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
    /** Returns the mapping of the parts of an object; nothing where the value is mapped as a whole. */
    sources: () => sources(),
    /** Returns whether each part says where it comes from. */
    isByParts: () => isByParts,
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
