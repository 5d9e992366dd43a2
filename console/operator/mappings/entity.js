// One entity: every field with where it comes from and a sample, and what the system has beyond.
import { fill, h, icon } from '../../connect/dom.js';
import { ask } from '../api.js';
import { badge, button, field, load, notice, select, text, words } from '../ui.js';
import { openEditor } from './editor.js';
import { RESERVED, codecText, shown, suggestionOf } from './grammar.js';
import { head, origin, portions, problemList, segments } from './parts.js';
import { editEntity } from './wizard.js';

const SAMPLES = 3;
/** The filters of an entity outlive a look elsewhere. */
const kept = new Map();

const LAYERS = ['ORGANIZATION', 'CUSTOMER', 'CONNECTION'];
const SHOWN = {
  '': () => true,
  mapped: one => ['MAPPED', 'COMPUTED'].includes(one.state),
  unmapped: one => one.state === 'UNMAPPED',
  custom: one => one.isCustom,
  problems: one => one.samples.some(({ problem }) => problem) || one.hasProblem,
  changed: one => LAYERS.includes(one.origin),
  hidden: one => one.state === 'HIDDEN',
};
const CHOICES = [['', 'All'], ['mapped', 'Mapped'], ['unmapped', 'Not mapped'], ['custom', 'Own fields'], ['changed', 'Changed here'], ['problems', 'With problems'], ['hidden', 'Hidden']];

export function entityView(place, name) {
  const state = kept.get(name) ?? { text: '', show: '', tab: 'fields' };
  kept.set(name, state);
  const body = h('div');
  const title = h('div');
  let mapping = null;
  let stop = () => {};
  let show = () => {};
  const list = h('tbody');
  const count = h('p', { class: 'soft', role: 'status' });

  async function read() {
    if (!mapping) fill(body, h('p', { class: 'soft', role: 'status' }, 'Reading the mapping and asking the system for samples …'));
    await load(body, async () => {
      ({ entityMapping: mapping } = await ask('EntityMapping', { connectionId: place.id, entity: name, samples: SAMPLES }));
      const bad = new Set(mapping.problems.map(problem => problem.field));
      for (const one of mapping.fields) one.hasProblem = bad.has(one.name);
      // What every record has stands last: people look for what is of this entity.
      const isCommon = one => Number(!one.isCustom && RESERVED.includes(one.name));
      mapping.fields.sort((one, other) => isCommon(one) - isCommon(other));
      drawHead();
      return draw();
    });
  }

  function drawHead() {
    const { label, remote, isCustom } = mapping;
    fill(
      title,
      head(place, 'mappings', label ?? name, {
        up: [place.href('mappings'), 'Fields and mappings'],
        about: [h('code', {}, name), remote && [' is ', h('code', {}, remote), ` in ${place.system}`], '. ', described()],
        actions: [isCustom && button('Change the entity', () => editEntity(place, mapping, read)), button('Add a field', () => edit(null), 'main')],
      }),
    );
  }
  const described = () => ({ METADATA: 'The system describes its fields itself.', SAMPLES: 'Its fields were learned from records.', NONE: 'The system does not tell what fields it has.' })[mapping.describedBy];

  function draw() {
    const tab = segments('Part', [['fields', `Fields (${mapping.fields.length})`], ['unmapped', `Only in the system (${mapping.unmapped.length})`]], state.tab, value => ((state.tab = value), show()));
    const search = text({ type: 'search', value: state.text, oninput: event => ((state.text = event.target.value), show()) });
    const only = select(CHOICES, { value: state.show, onchange: event => ((state.show = event.target.value), show()) });
    const chosen = field('Show', only);
    const part = h('div');
    show = () => {
      stop();
      chosen.hidden = state.tab !== 'fields';
      fill(part, state.tab === 'fields' ? fieldTable() : unmappedTable());
    };
    queueMicrotask(() => show());
    return [
      mapping.problems.length > 0 && notice('warn', h('p', {}, 'Something here does not work as it is mapped:'), problemList(mapping.problems)),
      h('form', { class: 'filters', role: 'search', onsubmit: event => event.preventDefault() }, h('div', { class: 'field segments-field' }, tab), field('Search', search), chosen),
      count,
      part,
    ];
  }
  const has = texts => {
    const all = texts.filter(Boolean).join(' ').toLowerCase();
    return state.text.toLowerCase().split(/\s+/).every(word => all.includes(word));
  };

  function fieldTable() {
    const rows = mapping.fields.filter(SHOWN[state.show]).filter(one => has([one.name, one.label, one.source, one.codec, one.type, one.description]));
    fill(count, rows.length === mapping.fields.length ? `${rows.length} fields.` : `${rows.length} of ${mapping.fields.length} fields.`);
    if (!rows.length) return h('p', { class: 'empty' }, 'No field fits.');
    stop = portions(list, rows, fieldRow);
    return tableOf('Fields', [['Field'], ['Comes from'], ['Sample', 'sample'], ['Use', 'wide'], ['Layer', 'wide']], list);
  }

  function fieldRow(one) {
    const layer = () => [one.origin !== 'NONE' && origin(one.origin), one.hasProblem && [' ', badge('problem')]];
    return h(
      'tr',
      { 'data-id': one.name, class: one.state === 'UNMAPPED' || one.state === 'HIDDEN' ? 'faint' : '' },
      h(
        'td',
        {},
        isMade(one) ? h('span', {}, one.name) : h('button', { type: 'button', class: 'plain', 'aria-label': `Edit ${one.name}`, onclick: () => edit(one) }, one.name),
        one.isCustom && [' ', h('span', { class: 'badge conn' }, 'own')],
        one.label && one.label !== one.name && h('span', { class: 'under' }, one.label),
        h('span', { class: 'under' }, one.list ? `list of ${one.type}` : one.type),
        LAYERS.includes(one.origin) && h('span', { class: 'slim' }, layer()),
      ),
      h('td', {}, sourceOf(one), h('span', { class: 'slim' }, sampleOf(one))),
      h('td', { class: 'wide' }, sampleOf(one)),
      h('td', { class: 'wide' }, useOf(one)),
      h('td', { class: 'wide' }, layer()),
    );
  }

  function unmappedTable() {
    const rows = mapping.unmapped.filter(one => has([one.path, one.label, one.type, one.remoteType]));
    fill(count, rows.length === mapping.unmapped.length ? `${rows.length} fields of the system are not mapped.` : `${rows.length} of ${mapping.unmapped.length} fields that are not mapped.`);
    if (!rows.length) return h('p', { class: 'empty' }, mapping.unmapped.length ? 'No field fits.' : 'Everything that the system has is mapped.');
    stop = portions(list, rows, unmappedRow);
    return tableOf('Fields that are only in the system', [['In the system'], ['Type', 'wide'], ['Sample'], ['Add']], list);
  }

  function unmappedRow(one) {
    const about = [one.type && words(one.type), one.remoteType && one.remoteType.toLowerCase() !== one.type?.toLowerCase() && `(${one.remoteType})`, one.maxLength && `up to ${one.maxLength}`, one.required && 'required', one.readOnly && 'read-only'].filter(Boolean).join(' ');
    return h(
      'tr',
      { 'data-id': one.path },
      h('td', {}, h('code', {}, one.path), one.label && one.label !== one.path && h('span', { class: 'under' }, one.label), h('span', { class: 'slim under' }, about)),
      h('td', { class: 'wide' }, about),
      h('td', {}, one.samples.length ? one.samples.slice(0, 2).map(value => h('span', { class: 'line sample' }, shown(value, 40))) : h('span', { class: 'soft' }, '—')),
      h('td', {}, h('button', { type: 'button', class: 'small', 'aria-label': `Add ${one.path} as a field`, onclick: () => edit(null, one) }, 'Add')),
    );
  }

  function edit(one, found) {
    const suggestion = found && { ...suggestionOf(found), found };
    openEditor({
      place,
      mapping,
      field: one,
      suggestion,
      saved: async edited => {
        const at = window.scrollY;
        await read();
        requestAnimationFrame(() => {
          window.scrollTo(0, at);
          const row = body.querySelector(`tr[data-id="${CSS.escape(edited ?? '')}"] button`) ?? body.querySelector('.segments button[aria-pressed="true"]');
          row?.focus({ preventScroll: true });
        });
      },
    });
  }

  fill(title, head(place, 'mappings', name, { up: [place.href('mappings'), 'Fields and mappings'] }));
  read();
  return { title: name, element: h('section', { class: 'mappings' }, title, body), reload: read, end: () => stop() };
}

/** What the server makes itself is mapped by nobody. */
const isMade = one => one.state === 'COMPUTED' && !one.mapping && !one.source;

/** Says where a field comes from. */
export function sourceOf(one) {
  if (one.state === 'HIDDEN') return h('span', { class: 'soft' }, 'hidden');
  if (isMade(one)) return h('span', { class: 'soft' }, 'made by the server');
  if (one.state === 'UNMAPPED' || !one.source) return h('span', { class: 'soft' }, 'nothing');
  if (one.state === 'COMPUTED' && !one.mapping) return [h('span', { class: 'soft' }, 'found by '), h('code', {}, one.source)];
  return [h('code', {}, shown(one.source, 120)), one.codec && h('span', { class: 'under' }, codecText(one.codec))];
}

function sampleOf(one) {
  const [sample] = one.samples;
  if (!sample) return h('span', { class: 'soft' }, '—');
  const isSame = JSON.stringify(sample.raw) === JSON.stringify(sample.value);
  return h(
    'span',
    { class: 'sample' },
    !isSame && sample.raw !== null && sample.raw !== undefined && [h('span', { class: 'soft' }, shown(sample.raw, 40)), ' ', h('span', { 'aria-hidden': true }, '→'), ' '],
    h('span', {}, shown(sample.value, 60)),
    sample.problem && h('span', { class: 'bad line' }, icon('failed'), ' ', sample.problem),
  );
}

function useOf(one) {
  const uses = [
    [{ ALWAYS: 'written', ON_CREATE: 'written when made' }[one.writable], one.sortable && 'sorted'].filter(Boolean).join(', '),
    one.filterOperators.length > 0 && `filtered: ${one.filterOperators.join(', ')}`,
  ].filter(Boolean);
  return uses.length ? uses.map(use => h('span', { class: 'under' }, use)) : h('span', { class: 'soft' }, 'read only');
}

function tableOf(label, titles, body) {
  return h(
    'div',
    { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label },
    h('table', { class: 'fields' }, h('caption', { class: 'unseen' }, label), h('thead', {}, h('tr', {}, titles.map(([title, kind]) => h('th', { scope: 'col', class: kind && 'wide' }, title)))), body),
  );
}
