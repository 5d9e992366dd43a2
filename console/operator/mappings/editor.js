// The editor of one field: where its value comes from, how it is read, what it is used for; with a preview beside it.
import { fill, h } from '../../connect/dom.js';
import { ask } from '../api.js';
import { button, check, dialog, field as labelled, load, notice, refuse, select, text, words } from '../ui.js';
import { codecForm } from './codec.js';
import { definitionForm } from './definition.js';
import { OPERATORS, definitionSeen, draftOf, hasSource, long, patchOf, short, shown, typed, typing } from './grammar.js';
import { missing, segments, wrong } from './parts.js';
import { makePreview } from './preview.js';
import { saver, scopeOf } from './save.js';

const SAMPLES = 8;
let lists = 0;

/**
 * Opens the editor. `field` is a field of the entity, or nothing for a new one; `suggestion` is what a new one begins
 * with: a name, a definition, and the field of the system that was found.
 */
export function openEditor({ place, mapping, field = null, suggestion = null, saved }) {
  const body = h('div', { class: 'editor' }, h('p', { class: 'soft', role: 'status' }, 'Reading …'));
  const title = field ? `${mapping.entity}.${field.name}` : suggestion ? `New field from ${suggestion.found.path}` : 'New field';
  const box = dialog(title, () => body);
  box.classList.add('broad', 'tall');
  const state = { isDirty: false };
  guard(box, state);

  async function open(layerPlace) {
    const scope = scopeOf(layerPlace.scope);
    const [{ mappingLayer }, remote, entities] = await Promise.all([
      ask('MappingLayer', { scope }),
      open.remote ?? ask('RemoteFields', { connectionId: place.id, entity: mapping.entity, samples: SAMPLES }).then(answer => answer.remoteFields).catch(() => ({ fields: [], describedBy: 'NONE' })),
      place.entities(),
    ]);
    open.remote = remote;
    return form({ layerPlace, layer: { ...mappingLayer, scope: layerPlace.scope }, remote, entities });
  }
  const show = layerPlace => load(body, () => open(layerPlace));

  function form({ layerPlace, layer, remote, entities }) {
    const isCustom = !field || field.isCustom;
    const own = layer.document?.entities?.[mapping.entity]?.[isCustom ? 'custom' : 'fields']?.[field?.name];
    const below = long(field?.mapping);
    const definition = isCustom ? (own ?? (field ? definitionSeen(field) : (suggestion?.definition ?? { type: 'string' }))) : null;
    const change = isCustom ? definition.source : own;
    const givesValue = hasSource(change) || Boolean(long(change).hide);
    const draft = draftOf(change, below, field && (change || field.state !== 'UNMAPPED') ? 'below' : 'path');
    const controls = {};
    const touched = () => {
      state.isDirty = true;
      foot.clear();
      preview.update();
    };

    const define = isCustom ? definitionForm({ definition, entities, paths: remote.fields.map(({ path }) => path), name: field?.name ?? suggestion?.name ?? '', isNew: !field, touched: kind => (kind === 'type' && retype(), touched()) }) : null;
    const valueBox = h('div');
    const codecBox = h('div', { class: 'field' });
    const typeNow = () => (define ? define.type() : field.type);
    const enumNow = () => (define ? define.values() : (field.enumValues ?? []));
    let codec = null;

    const modes = [
      isCustom && (!field || givesValue) ? null : ['below', givesValue ? 'as below' : 'unchanged'],
      ['path', 'a field of the system'],
      ['expression', 'an expression'],
      ['constant', 'a fixed value'],
      isCustom ? null : ['hide', 'nowhere: hidden'],
      ['json', 'the long form (JSON)'],
    ].filter(Boolean);
    const mode = segments('Where the value comes from', modes, draft.mode, value => {
      take();
      draft.mode = value;
      drawValue(true);
      drawCodec();
      touched();
    });

    /** The field of the system that the path begins at. */
    const foundAt = path => remote.fields.find(one => one.path === path) ?? remote.fields.find(one => path.startsWith(`${one.path}.`) || path.startsWith(`${one.path}[`));

    function drawValue(focus = false) {
      for (const name of ['path', 'expression', 'constant', 'json']) delete controls[name];
      const parts = {
        below: () => h('p', { class: 'help' }, below.cases && !givesValue ? ['It is decided by rules over ', h('code', {}, shown(field.source, 200)), '. For a table of values of one field instead, choose “a field of the system”.'] : givesValue ? 'The value comes from where the layers below say, as without the change of this layer.' : field?.source ? ['It comes from ', h('code', {}, shown(field.source, 200)), ', as the layers below say. Changes here are laid over that.'] : 'No layer below says where it comes from.'),
        hide: () => h('p', { class: 'help' }, 'It is always null then, and cannot be filtered, sorted or written.'),
        path: () => {
          const id = `paths-${(lists += 1)}`;
          const about = h('div', { class: 'help', 'aria-live': 'polite' });
          controls.path = text({ value: draft.path, list: id, class: 'mono', autocapitalize: 'none', oninput: event => ((draft.path = event.target.value), tell(), touched()) });
          const tell = () => fill(about, aboutFound(foundAt(controls.path.value.trim()), controls.path.value.trim()));
          tell();
          controls.path.addEventListener('change', () => drawCodec());
          return [h('datalist', { id }, remote.fields.map(one => h('option', { value: one.path }, [one.label, one.type && words(one.type)].filter(Boolean).join(' · ')))), labelled('Path in the record of the system', controls.path), about];
        },
        expression: () => {
          controls.expression = h('textarea', { rows: 3, class: 'mono', spellcheck: 'false', value: draft.expression, oninput: event => ((draft.expression = event.target.value), touched()) });
          return labelled('Expression', controls.expression, ['Over ', h('code', {}, 'row'), ', the record as the system sends it, such as ', h('code', {}, "row.code ~ ' ' ~ row.name"), '.']);
        },
        constant: () => {
          controls.constant = text({ value: typing(draft.constant), oninput: event => ((draft.constant = typed(event.target.value)), touched()) });
          return labelled('Value', controls.constant, 'Every record has this value.');
        },
        json: () => {
          controls.json = h('textarea', { rows: 9, class: 'mono', spellcheck: 'false', value: JSON.stringify(draft.json, null, 2), oninput: touched });
          return labelled('Mapping', controls.json, ['All words of a field mapping: ', h('code', {}, 'cases'), ', ', h('code', {}, 'compute'), ', ', h('code', {}, 'each'), ' and so on.']);
        },
      };
      fill(valueBox, parts[draft.mode]());
      if (focus) Object.values(controls).find(control => control.isConnected && control.closest('dialog') && valueBox.contains(control))?.focus();
      rest.hidden = ['hide', 'json', 'constant'].includes(draft.mode);
    }

    function drawCodec() {
      const found = foundAt(draft.path);
      const seen = [...(found?.choices ?? []).map(({ value, label }) => ({ value: String(value), label })), ...(found?.samples ?? []).concat((field?.samples ?? []).map(({ raw }) => raw)).filter(value => ['string', 'number', 'boolean'].includes(typeof value)).map(value => ({ value: String(value) }))];
      const offered = [...new Map(seen.reverse().map(one => [one.value, one])).values()].reverse();
      codec = codecForm({ given: draft.as, type: typeNow(), values: enumNow(), offered, isBelow: draft.mode === 'below' && !below.as, onChange: touched });
      fill(codecBox, codec.element);
      controls.as = codecBox.firstElementChild;
    }

    const operators = h('div', { class: 'boxes tight' }, OPERATORS.map(name => check(h('code', {}, name), { value: name, name: 'operator', checked: isFiltered(name), onchange: () => ((draft.filter = [...operators.querySelectorAll('input:checked')].map(({ value }) => value)), touched()) })));
    function isFiltered(name) {
      return Array.isArray(draft.filter) ? draft.filter.includes(name) : (field?.filterOperators ?? []).includes(name);
    }
    const sort = check('Sorted by the system', { checked: Boolean(draft.sort), onchange: event => ((draft.sort = event.target.checked), touched()) });
    const fallback = text({ value: typing(draft.default), oninput: event => ((draft.default = typed(event.target.value)), touched()) });
    const isLong = draft.write && typeof draft.write === 'object';
    const writeTo = text({ value: typeof draft.write === 'string' ? draft.write : '', class: 'mono', placeholder: 'path to write to', 'aria-label': 'Path to write to', oninput: event => ((draft.write = event.target.value.trim() || null), touched()) });
    const write = select(
      [['', !isCustom ? `as it is: ${WRITTEN[field.writable] ?? 'not written'}` : 'not written'], ['same', 'written to where it is read'], ['path', 'written to another path'], ...(isLong ? [['long', 'in the long form, as it is']] : [])],
      { value: isLong ? 'long' : draft.write === true ? 'same' : draft.write ? 'path' : '', onchange: event => {
        draft.write = { '': null, same: true, path: writeTo.value.trim() || null, long: change?.write }[event.target.value];
        writeTo.hidden = event.target.value !== 'path';
        if (!writeTo.hidden) writeTo.focus();
        touched();
      } },
    );
    writeTo.hidden = !(typeof draft.write === 'string');
    const others = h('textarea', { rows: 3, class: 'mono', spellcheck: 'false', value: Object.keys(draft.rest).length ? JSON.stringify(draft.rest, null, 2) : '', oninput: touched });
    const writeField = labelled('Writing', write, 'With the inverse of how it is read; what cannot be turned round is refused.');
    writeField.append(writeTo);
    const filterField = h('fieldset', { class: 'field' }, h('legend', {}, 'Filtered by the system'), operators, sort);
    const rest = h(
      'div',
      {},
      codecBox,
      labelled('When the system has no value', fallback, 'Stays empty unless you say otherwise.'),
      h('details', { class: 'light', open: Boolean(draft.write) || (isCustom && !field) }, h('summary', {}, 'Filtering, sorting, writing'), filterField, writeField),
      h('details', { class: 'light', open: Object.keys(draft.rest).length > 0 }, h('summary', {}, 'Other words'), labelled('Other words of the mapping (JSON)', others, ['Such as ', h('code', {}, 'empty'), ', ', h('code', {}, 'select'), ' or ', h('code', {}, 'expand'), '.'])),
    );
    Object.assign(controls, { filter: operators, write, default: fallback, sort });

    function take() {
      if (codec && draft.mode !== 'json') draft.as = codec.value();
      if (controls.json) {
        try {
          draft.json = JSON.parse(controls.json.value);
        } catch {
          // It is told when the change is tried or saved.
        }
      }
    }

    /** Returns the edit that the form stands for; throws what is missing. */
    function edit() {
      take();
      if (draft.mode === 'json') jsonOf(controls.json, 'The long form');
      draft.rest = others.value.trim() ? jsonOf(others, 'Other words') : {};
      if (draft.mode === 'path' && !draft.path.trim() && !define?.isByParts()) missing(controls.path, 'The path is missing.');
      if (draft.mode === 'expression' && !draft.expression.trim()) missing(controls.expression, 'The expression is missing.');
      const patch = patchOf(draft, below, givesValue ? {} : long(change));
      if (!isCustom && !Object.keys(patch).length) {
        if (!own) refuse('Nothing is changed.');
        return { entity: mapping.entity, field: field.name, part: 'FIELD', remove: true };
      }
      const refuseSame = set => field && own && JSON.stringify(set) === JSON.stringify(own) && refuse('Nothing is changed.');
      if (!isCustom) {
        refuseSame(short(patch));
        return { entity: mapping.entity, field: field.name, part: 'FIELD', set: short(patch) };
      }
      const set = define.read();
      if (define.isByParts()) set.source = { object: define.sources() };
      else if (Object.keys(patch).length) set.source = short(patch);
      refuseSame(set);
      return { entity: mapping.entity, field: define.name(), part: 'CUSTOM', set };
    }

    let isShown = false;
    const preview = makePreview({
      place,
      entity: mapping.entity,
      only: () => (define ? define.name() : field.name),
      read: () => {
        if (!state.isDirty && !suggestion) return null;
        return { scope: scopeOf(layer.scope), edits: [edit()] };
      },
      onProblems: problems => mark(problems),
    });

    /** Shows problems at the controls that they are about; returns the rest. */
    function mark(problems) {
      const name = define ? define.name() : field.name;
      const isOurs = one => (!one.entity || one.entity === mapping.entity) && (!one.field || one.field === name);
      const where = one => {
        // What stands behind the name of the field: `/entities/PurchaseOrder/fields/status/as/enum`.
        const behind = String(one.pointer ?? '').split('/').slice(5);
        const word = behind.reverse().find(part => Object.hasOwn(controls, part) || define?.controls[part]);
        if (word) return controls[word] ?? define.controls[word];
        if (/EXPRESSION/.test(one.code)) return controls.expression;
        if (/REMOTE_FIELD|NO_LONGER_THERE/.test(one.code)) return controls.path;
        if (/NAME_TAKEN/.test(one.code)) return define?.controls.name;
        if (/LOSSY|WRONG_TYPE/.test(one.code)) return controls.as;
        if (/INVERTIBLE|LOSES_WRITE/.test(one.code)) return controls.write;
        return /LOSES_FILTER/.test(one.code) ? controls.filter : undefined;
      };
      const at = new Map();
      const left = [];
      for (const one of problems) {
        const control = isOurs(one) && where(one);
        if (control?.isConnected) at.set(control, [...(at.get(control) ?? []), one]);
        else left.push(one);
      }
      for (const control of [...Object.values(controls), ...Object.values(define?.controls ?? {})]) control?.isConnected && wrong(control, at.get(control) ?? []);
      for (const control of at.keys()) for (let fold = control.closest('details'); fold; fold = fold.parentElement.closest('details')) fold.open = true;
      return left;
    }

    let base = layer;
    const taking = own ? removal() : null;
    const foot = saver({
      place,
      layer: () => base,
      what: () => ({ edits: [edit()] }),
      rebased: theirs => (base = theirs),
      onProblems: mark,
      saved: async () => {
        state.isDirty = false;
        box.close();
        await saved(define ? define.name() : field.name);
      },
      more: [taking?.button, button('Cancel', () => box.requestClose?.() ?? box.close())],
    });

    /** Makes the way back: a button, and what it opens. */
    function removal() {
      const one = saver({
        place,
        action: isCustom ? 'Remove the field' : 'Back to the layer below',
        layer: () => base,
        what: () => ({ edits: [{ entity: mapping.entity, field: field.name, part: isCustom ? 'CUSTOM' : 'FIELD', remove: true }] }),
        rebased: theirs => (base = theirs),
        saved: async () => {
          state.isDirty = false;
          box.close();
          await saved();
        },
      });
      const panel = h('div', { class: 'removal notice', hidden: true }, h('div', {}, h('p', {}, isCustom ? 'Queries and writes that name this field are refused from then on; versions keep it, so it can be brought back.' : 'This layer changes nothing about the field any more.'), one.element));
      one.send.className = 'danger';
      const undo = button(isCustom ? 'Remove …' : 'Undo this change …', () => ((panel.hidden = !panel.hidden), panel.hidden || one.send.focus()), 'danger');
      return { button: undo, panel };
    }

    const layers =
      place.layers.length > 1 &&
      h(
        'fieldset',
        { class: 'field layers' },
        h('legend', {}, 'Holds for'),
        place.layers.map(one => h('label', { class: 'check' }, h('input', { type: 'radio', name: 'layer', value: one.key, checked: one === layerPlace, onchange: () => choose(one) }), h('span', {}, h('b', {}, one.title), h('span', { class: 'under' }, one.about)))),
      );
    function choose(one) {
      if (!state.isDirty) return show(one);
      // What was typed is kept: only the layer that it goes into is another.
      return ask('MappingLayer', { scope: scopeOf(one.scope) })
        .then(({ mappingLayer }) => ((base = layer = { ...mappingLayer, scope: one.scope }), taking?.button.remove(), taking?.panel.remove(), preview.update()))
        .catch(() => show(one));
    }

    const source = h('div', {}, h('div', { class: 'field' }, h('p', { class: 'label' }, 'The value comes from'), mode), valueBox, rest);
    function retype() {
      // Values of these types cannot be compared.
      if (['json', 'object'].includes(define.type())) {
        Object.assign(draft, { filter: [], sort: false });
        for (const box of filterField.querySelectorAll('input')) box.checked = false;
      }
      drawCodec();
      showSource();
    }
    const showSource = () => (source.hidden = Boolean(define?.isByParts()));
    drawValue();
    drawCodec();
    showSource();
    // The form is not in the page before.
    requestAnimationFrame(() => {
      if (isShown) return;
      isShown = true;
      preview.run();
      const first = body.querySelector('.now input[type=text]:not([readonly]), .now button');
      first?.focus({ preventScroll: true });
    });
    return [
      field?.description && h('p', { class: 'soft' }, field.description),
      h(
        'div',
        { class: 'sides' },
        h('div', { class: 'now' }, layers, define && define.element, source),
        preview.element,
      ),
      taking?.panel,
      foot.element,
    ];
  }

  show(preferred(place, field));
  return box;
}

const WRITTEN = { ALWAYS: 'written', ON_CREATE: 'written when a record is made', NEVER: 'not written' };

/** A field that a layer changes already is opened in that layer. */
const preferred = (place, field) => place.layers.find(({ kind }) => kind === field?.origin) ?? place.layers[0];

function jsonOf(control, what) {
  try {
    return JSON.parse(control.value);
  } catch (error) {
    return missing(control, `${what}: this is no JSON (${error.message})`);
  }
}

function aboutFound(found, path) {
  if (!path) return null;
  // The preview tells that the system does not describe it.
  if (!found) return null;
  const facts = [found.label !== path && found.label, found.type && words(found.type), found.remoteType && found.remoteType.toLowerCase() !== found.type?.toLowerCase() && `(${found.remoteType})`, found.required && 'required', found.readOnly && 'read-only'].filter(Boolean).join(' · ');
  return [facts, found.samples.length > 0 && [facts && '. ', 'Samples: ', found.samples.slice(0, 3).map((value, index) => [index > 0 && ', ', h('code', {}, shown(value, 30))])], '.'];
}

/** Asks before a dialog closes that holds work. */
function guard(box, state) {
  box.addEventListener('cancel', event => {
    if (!state.isDirty || box.querySelector('.leave')) return;
    event.preventDefault();
    const stay = button('Go on editing', () => (panel.remove(), box.querySelector('input, textarea')?.focus()), 'main');
    const panel = h('div', { class: 'leave' }, notice('warn', h('p', {}, 'What you changed is not saved.'), h('div', { class: 'actions' }, stay, button('Throw it away', () => ((state.isDirty = false), box.close())))));
    box.append(panel);
    stay.focus();
  });
}

