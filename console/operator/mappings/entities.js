// The entities of a connection: what of the system each one is, how much of it is mapped, and what changes it.
import { fill, h } from '../../connect/dom.js';
import { ask } from '../api.js';
import { button, field, load, select, table, text } from '../ui.js';
import { head, origin } from './parts.js';

/** The filters outlive a look at one entity. */
const kept = { text: '', kind: '' };

const columns = place => [
  {
    title: 'Entity',
    cell: row => [h('a', { href: place.href('mappings', row.name) }, row.label && row.label !== row.name ? row.label : spaced(row.name)), row.isCustom && [' ', h('span', { class: 'badge conn' }, 'own')], h('span', { class: 'under mono' }, row.name), h('span', { class: 'slim under' }, row.remote), row.layers.length > 0 && h('span', { class: 'slim' }, h('span', { class: 'badges' }, row.layers.map(layer => origin(layer.scope.kind))))],
  },
  { title: 'In the system', wide: true, cell: row => (row.remote ? h('code', {}, row.remote) : h('span', { class: 'soft' }, 'not mapped')) },
  { title: 'Mapped', cell: row => meter(row) },
  { title: 'Own fields', wide: true, cell: row => (row.customFields ? String(row.customFields) : h('span', { class: 'soft' }, '—')) },
  { title: 'Changed for', wide: true, cell: row => (row.layers.length ? h('span', { class: 'badges' }, row.layers.map(layer => origin(layer.scope.kind))) : h('span', { class: 'soft' }, '—')) },
];

const spaced = name => name.replace(/([a-z])([A-Z])/g, (_, end, start) => `${end} ${start.toLowerCase()}`);

function meter({ mappedFields, totalFields }) {
  const bar = h('span', { class: 'bar-of', 'aria-hidden': true }, h('span'));
  bar.firstChild.style.setProperty('width', `${totalFields ? Math.round((mappedFields / totalFields) * 100) : 0}%`);
  return [h('span', { class: 'numbers-of' }, `${mappedFields} of ${totalFields}`), bar];
}

const KINDS = { '': () => true, mapped: row => row.mappedFields > 0, changed: row => row.layers.length > 0, own: row => row.isCustom };

export function entitiesView(place) {
  const list = h('div');
  const count = h('p', { class: 'soft', role: 'status' });
  let rows = [];

  function show() {
    const words = kept.text.toLowerCase().split(/\s+/);
    const fits = row => words.every(word => [row.name, row.label, row.remote, row.plural].join(' ').toLowerCase().includes(word));
    const left = rows.filter(KINDS[kept.kind]).filter(fits);
    fill(count, left.length === rows.length ? `${rows.length} entities.` : `${left.length} of ${rows.length} entities.`);
    fill(list, table(columns(place), left.map(row => ({ id: row.name, ...row })), { label: 'Entities', empty: 'No entity fits.' }));
  }
  const read = () =>
    load(list, async () => {
      ({ mappedEntities: rows } = await ask('MappedEntities', { connectionId: place.id }));
      show();
      return [...list.childNodes];
    });

  const filters = h(
    'form',
    { class: 'filters', role: 'search', onsubmit: event => event.preventDefault() },
    field('Search', text({ type: 'search', value: kept.text, oninput: event => ((kept.text = event.target.value), show()) })),
    field('Show', select([['', 'All'], ['mapped', 'What the system has'], ['changed', 'Changed here'], ['own', 'Own entities']], { value: kept.kind, onchange: event => ((kept.kind = event.target.value), show()) })),
  );
  fill(list, h('p', { class: 'soft', role: 'status' }, 'Reading …'));
  read();
  return {
    title: 'Fields and mappings',
    element: h(
      'section',
      { class: 'mappings' },
      head(place, 'mappings', 'Fields and mappings', { about: `How the records of ${place.connection.name} become the unified model.`, actions: button('Add an entity', () => (location.hash = place.href('new-entity')), 'main') }),
      filters,
      count,
      list,
    ),
    reload: read,
  };
}
