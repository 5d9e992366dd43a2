// Makes an entity of an object of the system: search the object, choose and name its fields, look, save, query.
import { fill, h } from '../../connect/dom.js';
import { ask } from '../api.js';
import { button, check, dialog, field, load, notice, pages, refuse, select, table, takeAway, text, words } from '../ui.js';
import { TYPES, entityName, keyOf, pluralName, shown, suggestionOf } from './grammar.js';
import { head, missing, portions, wrong } from './parts.js';
import { makePreview } from './preview.js';
import { saver, scopeOf } from './save.js';

const PAGE = 30;
const CHOSEN_AT_FIRST = 12;
/** So many, because a proposed key must differ in all of them. */
const SAMPLES = 8;
const OPERATIONS = [['create', 'made'], ['update', 'changed'], ['delete', 'removed']];
const NAME = /^[A-Z][A-Za-z0-9]*$/;

export function wizardView(place) {
  const body = h('div');
  const title = 'Add an entity';
  chooseObject();

  function chooseObject() {
    const search = text({ type: 'search', value: chooseObject.search ?? '', placeholder: 'name or label', oninput: event => ((chooseObject.search = event.target.value), later()) });
    const list = pages(
      async after => {
        const { remoteObjects } = await ask('RemoteObjects', { connectionId: place.id, search: chooseObject.search?.trim() || null, first: PAGE, after });
        return { nodes: remoteObjects.nodes, cursor: remoteObjects.pageInfo.hasNextPage ? remoteObjects.pageInfo.endCursor : null };
      },
      rows =>
        table(
          [
            { title: 'In the system', cell: row => [h('button', { type: 'button', class: 'plain', onclick: () => chooseFields(row.name, row.label) }, row.label ?? row.name), row.label && h('span', { class: 'under mono' }, row.name)] },
            { title: 'Entity', cell: row => (row.entity ? h('a', { href: place.href('mappings', row.entity) }, row.entity) : h('span', { class: 'soft' }, '—')) },
          ],
          rows,
          { label: 'Objects of the system', empty: chooseObject.search ? 'Nothing of that name was found. It may still be asked for by its exact name.' : 'The system does not list its objects. Ask for one by its exact name.' },
        ),
    );
    let waiting;
    const later = () => {
      clearTimeout(waiting);
      waiting = setTimeout(list.restart, 350);
    };
    const exact = text({ class: 'mono', autocapitalize: 'none' });
    const go = event => {
      event.preventDefault();
      if (exact.value.trim()) chooseFields(exact.value.trim());
    };
    fill(
      body,
      steps(0),
      h('h2', {}, `What of ${place.system} is it?`),
      h('form', { class: 'filters', role: 'search', onsubmit: event => event.preventDefault() }, field('Search the objects of the system', search)),
      list.element,
      h('form', { class: 'filters', onsubmit: go }, field('Or its exact name', exact), h('div', { class: 'field' }, h('button', {}, 'Look at it'))),
    );
    list.restart();
    // The first time, the view is not in the page yet.
    requestAnimationFrame(() => search.focus());
  }

  async function chooseFields(name, label = null) {
    fill(body, steps(1), h('p', { class: 'soft', role: 'status' }, `Asking ${place.system} about ${name} …`));
    const found = h('div');
    await load(found, async () => {
      const [{ remoteFields }, { mappingLayer }, entities] = await Promise.all([ask('RemoteFields', { connectionId: place.id, object: name, samples: SAMPLES }), ask('MappingLayer', { scope: place.layers[0].scope }), place.entities()]);
      return form({ ...remoteFields, label: remoteFields.label ?? label }, mappingLayer, entities);
    });
    fill(body, steps(1), found, !found.querySelector('form') && h('div', { class: 'actions' }, button('Another object', chooseObject)));
    found.querySelector('input')?.focus();
  }

  function form(object, firstLayer, entities) {
    let layer = { ...firstLayer, scope: place.layers[0].scope };
    const named = entityName(object.label && object.label.length < 40 ? object.label : object.name, entities);
    const name = text({ value: named, class: 'mono', oninput: () => (isOwnPlural || (plural.value = pluralName(name.value.trim())), preview.update()) });
    let isOwnPlural = false;
    const plural = text({ value: pluralName(named), class: 'mono', oninput: () => ((isOwnPlural = plural.value.trim() !== ''), preview.update()) });
    const label = text({ value: object.label ?? '', oninput: () => preview.update() });
    const paths = h('datalist', { id: `keys-${Math.random().toString(36).slice(2)}` }, object.fields.map(one => h('option', { value: one.path })));
    let isOwnKey = false;
    const key = text({ class: 'mono', list: paths.id, autocapitalize: 'none', oninput: () => ((isOwnKey = true), preview.update()) });
    const keyField = field('Key', key, KEY_HELP);
    const keys = () => key.value.split(',').map(part => part.trim()).filter(Boolean);
    const write = OPERATIONS.map(([operation, says]) => check(`Records may be ${says}`, { value: operation, onchange: () => preview.update() }));
    const layerChoice = select(place.layers.map(one => [one.key, `${one.title}: ${one.about}`]), {
      onchange: async event => {
        const { scope } = place.layer(event.target.value);
        const { mappingLayer } = await ask('MappingLayer', { scope });
        layer = { ...mappingLayer, scope };
        preview.update();
      },
    });
    const taken = new Set();
    const rows = object.fields.map((one, index) => fieldRow(one, index, taken, () => (count(), preview.update())));
    const listed = h('tbody');
    const chosen = h('p', { class: 'soft', role: 'status' });
    const count = () => fill(chosen, `${rows.filter(row => row.isChosen()).length} of ${rows.length} fields chosen.`);
    const search = text({ type: 'search', oninput: () => draw() });
    let stop = () => {};
    function draw() {
      stop();
      const terms = search.value.toLowerCase().split(/\s+/);
      stop = portions(listed, rows.filter(row => terms.every(term => row.words.includes(term))), row => row.element());
    }

    function edits() {
      if (!NAME.test(name.value.trim())) {
        missing(name, 'The name must begin with a capital letter and have letters and digits only.');
      }
      if (!/^[a-z][A-Za-z0-9]*$/.test(plural.value.trim())) {
        missing(plural, 'The name of the list must begin with a small letter and have letters and digits only.');
      }
      const entity = name.value.trim();
      const operations = write.map(one => one.querySelector('input')).filter(({ checked }) => checked).map(({ value }) => value);
      const set = { remote: object.name, plural: plural.value.trim(), ...(keys().length && { key: keys().length > 1 ? keys() : keys()[0] }), ...(label.value.trim() && { label: label.value.trim() }), ...(operations.length && { write: operations }) };
      const fields = rows.filter(row => row.isChosen()).map(row => ({ entity, field: row.name(), part: 'CUSTOM', set: row.definition(operations.length > 0) }));
      if (!fields.length) refuse('No field is chosen.');
      const twice = fields.find((one, index) => fields.findIndex(other => other.field === one.field) < index);
      if (twice) refuse(`Two fields are called ${twice.field}.`);
      return [{ entity, part: 'ENTITY', set }, ...fields];
    }

    /** Where the system has no usual key, one is proposed: the problem is answered before it is read. */
    function mark(problems) {
      const isOfKey = one => /\/entity\/key$/.test(one.pointer ?? '');
      const proposed = !isOwnKey && !key.value && problems.some(isOfKey) ? keyOf(object.fields) : '';
      if (proposed) {
        key.value = proposed;
        fill(keyField.querySelector('.help'), 'Proposed from the samples: look whether it identifies a record. Several fields have commas between them.');
        queueMicrotask(preview.run);
        return [];
      }
      const isOfName = one => one.code === 'NAME_TAKEN' && !one.field;
      wrong(key, problems.filter(isOfKey));
      wrong(name, problems.filter(isOfName));
      return problems.filter(one => !isOfKey(one) && !isOfName(one));
    }
    const preview = makePreview({ place, entity: () => name.value.trim(), read: () => ({ scope: scopeOf(layer.scope), edits: edits() }), isNew: true, onProblems: mark });
    const foot = saver({
      place,
      action: 'Add the entity',
      layer: () => layer,
      what: () => ({ edits: edits() }),
      rebased: theirs => (layer = theirs),
      onProblems: mark,
      saved: () => done(name.value.trim(), plural.value.trim(), rows.filter(row => row.isChosen())),
      more: [button('Another object', chooseObject)],
    });
    draw();
    count();
    queueMicrotask(preview.run);
    return [
      h('h2', {}, 'Choose and name its fields'),
      h('p', { class: 'soft' }, h('code', {}, object.name), object.label && ` · ${object.label}`, object.entity && [' · it is the entity ', h('a', { href: place.href('mappings', object.entity) }, object.entity), ' already']),
      h(
        'form',
        { onsubmit: event => event.preventDefault() },
        h('div', { class: 'trio' }, field('Name in queries', name), field('Name of the list', plural), field('Label', label), [paths, keyField]),
        place.layers.length > 1 && field('Holds for', layerChoice),
        h('fieldset', {}, h('legend', { class: 'unseen' }, 'Writing'), h('div', { class: 'boxes' }, write)),
        h('div', { class: 'filters' }, field('Search the fields', search), h('div', { class: 'field' }, button('Choose all shown', () => setAll(true), 'small'), ' ', button('None', () => setAll(false), 'small'))),
        chosen,
        h('div', { class: 'scroll tall-list', tabindex: '0', role: 'region', 'aria-label': 'Fields' }, h('table', { class: 'fields' }, h('caption', { class: 'unseen' }, 'Fields'), h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'In the system'), h('th', { scope: 'col' }, 'Name and type'), h('th', { scope: 'col', class: 'wide' }, 'Sample'))), listed)),
      ),
      preview.element,
      foot.element,
    ];
    function setAll(value) {
      const terms = search.value.toLowerCase().split(/\s+/);
      for (const row of rows) if (!value || terms.every(term => row.words.includes(term))) row.choose(value);
      count();
      preview.update();
    }
  }

  function done(entity, plural, chosen) {
    const fields = chosen.slice(0, 6).map(row => (row.type() === 'reference' ? `${row.name()} { id }` : row.name()));
    const query = `{\n  ${plural}(first: 10) {\n    nodes {\n      id\n      ${fields.join('\n      ')}\n    }\n    pageInfo { hasNextPage endCursor }\n  }\n}`;
    const told = h('h2', { tabindex: '-1' }, `${entity} can be queried now`);
    fill(
      body,
      steps(2),
      told,
      h('p', {}, 'Every process of the server knows it already. A query:'),
      h('pre', { tabindex: '0', 'aria-label': 'Query' }, query),
      takeAway('The query on one line', query.replace(/\s+/g, ' ')),
      h('div', { class: 'actions' }, place.isStaff && h('a', { class: 'button main', href: '/playground', target: '_blank', rel: 'noopener' }, 'Open the playground'), h('a', { class: 'button', href: place.href('mappings', entity) }, 'Look at its fields'), button('Add another', chooseObject)),
    );
    told.focus();
  }

  return { title, element: h('section', { class: 'mappings' }, head(place, 'mappings', title, { up: [place.href('mappings'), 'Fields and mappings'], about: 'A table, model, entity set or object of the system becomes a type of its own in the API.' }), body) };
}

const KEY_HELP = 'What identifies a record: a field, or several with commas between them. Empty means as usual in this system.';

const STEPS = ['Object', 'Fields', 'Query'];
const steps = at => h('ol', { class: 'stepper', 'aria-label': 'Steps' }, STEPS.map((step, index) => h('li', { class: index < at ? 'past' : '', 'aria-current': index === at ? 'step' : undefined }, `${index + 1}. ${step}`)));

/** One field of the object, as a row to choose and name it. */
function fieldRow(one, index, taken, touched) {
  const { name: own, definition: suggested } = suggestionOf(one);
  let proposal = own;
  for (let turn = 2; taken.has(proposal); turn += 1) proposal = `${own}${turn}`;
  taken.add(proposal);
  const box = h('input', { type: 'checkbox', checked: one.path !== 'id' && (index < CHOSEN_AT_FIRST || Boolean(one.required)), 'aria-label': `Choose ${one.path}`, onchange: touched });
  const name = text({ value: proposal, class: 'mono slender', 'aria-label': `Name of ${one.path}`, oninput: () => ((box.checked = true), touched()) });
  const type = select(TYPES.filter(([kind]) => !['object', 'enum', 'reference'].includes(kind) || suggested.type === kind), { value: suggested.type, class: 'slender', 'aria-label': `Type of ${one.path}`, onchange: () => ((box.checked = true), touched()) });
  let made = null;
  return {
    words: [one.path, one.label, one.type].filter(Boolean).join(' ').toLowerCase(),
    element: () =>
      (made ??= h(
        'tr',
        {},
        h('td', {}, h('label', { class: 'check' }, box, h('span', {}, h('code', {}, one.path), h('span', { class: 'under' }, [one.label !== one.path && one.label, one.remoteType && words(one.remoteType)].filter(Boolean).join(' · '))))),
        h('td', {}, h('div', { class: 'name-and-type' }, name, type)),
        h('td', { class: 'wide' }, one.samples.slice(0, 2).map(value => h('span', { class: 'line sample' }, shown(value, 40)))),
      )),
    isChosen: () => box.checked,
    choose: value => (box.checked = value),
    name: () => name.value.trim() || proposal,
    type: () => type.value,
    definition(isWritten) {
      const isSame = type.value === suggested.type;
      const { path, write, ...rest } = typeof suggested.source === 'string' ? { path: suggested.source } : suggested.source;
      const source = isSame ? { path, ...rest } : { path: type.value === 'json' ? one.path : path };
      if (isWritten && !one.readOnly) source.write = write ?? true;
      return { ...(isSame ? suggested : { type: type.value }), label: suggested.label ?? one.label ?? undefined, source: Object.keys(source).length > 1 ? source : path };
    },
  };
}

/** Opens the facts of an entity of one's own. */
export async function editEntity(place, mapping, saved) {
  const body = h('div', {}, h('p', { class: 'soft', role: 'status' }, 'Reading …'));
  const box = dialog(`Change ${mapping.entity}`, () => body);
  await load(body, async () => {
    const layers = await Promise.all(place.layers.map(one => ask('MappingLayer', { scope: one.scope }).then(answer => ({ ...answer.mappingLayer, scope: one.scope }))));
    let layer = layers.find(one => one.document?.entities?.[mapping.entity]?.entity);
    if (!layer) return notice('warn', h('p', {}, 'Another layer says what this entity is, and it cannot be changed from here.'), h('div', { class: 'actions' }, button('Close', () => box.close())));
    const given = layer.document.entities[mapping.entity].entity;
    const label = text({ value: given.label ?? '' });
    const plural = text({ value: given.plural, class: 'mono' });
    const about = text({ value: given.description ?? '' });
    const write = OPERATIONS.map(([operation, says]) => check(`Records may be ${says}`, { value: operation, checked: (given.write ?? []).includes(operation) }));
    const remove = check('Remove the entity with its fields');
    const foot = saver({
      place,
      layer: () => layer,
      rebased: theirs => (layer = theirs),
      what: () => {
        if (remove.querySelector('input').checked) return { edits: [{ entity: mapping.entity, part: 'ENTITY', remove: true }] };
        const operations = write.map(one => one.querySelector('input')).filter(({ checked }) => checked).map(({ value }) => value);
        const set = { ...given, plural: plural.value.trim(), label: label.value.trim() || undefined, description: about.value.trim() || undefined, write: operations.length ? operations : undefined };
        return { edits: [{ entity: mapping.entity, part: 'ENTITY', set: JSON.parse(JSON.stringify(set)) }] };
      },
      saved: async () => {
        box.close();
        if (remove.querySelector('input').checked) location.hash = place.href('mappings');
        else await saved();
      },
      more: [button('Cancel', () => box.close())],
    });
    return [h('div', { class: 'pair' }, field('Label', label), field('Name of the list', plural)), field('Description (optional)', about), write, h('hr'), remove, foot.element];
  });
}
