// A layer as YAML: read, edited with problems at their lines, checked on records, saved, taken away and brought in.
import { fill, h } from '../../connect/dom.js';
import { ask } from '../api.js';
import { button, field, load, notice, say, select } from '../ui.js';
import { head, problemList, segments } from './parts.js';
import { makePreview } from './preview.js';
import { saver, scopeOf } from './save.js';

const START = 'mapping: 1\nentities: {}\n';
const MOST_BYTES = 1_000_000;

/** Gives a text to the browser as a file. */
export function download(name, content) {
  const address = URL.createObjectURL(new Blob([content], { type: 'application/yaml' }));
  h('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Makes an editor with numbers of lines. */
function lineEditor(value, onChange) {
  const numbers = h('div', { class: 'numbers-of-lines', 'aria-hidden': true });
  const area = h('textarea', { class: 'mono', spellcheck: 'false', autocapitalize: 'none', wrap: 'off', 'aria-label': 'Mapping as YAML', value });
  let marked = new Map();
  function draw() {
    const count = area.value.split('\n').length;
    fill(numbers, Array.from({ length: count }, (_, index) => h('span', { class: marked.get(index + 1) }, index + 1)));
    numbers.scrollTop = area.scrollTop;
  }
  area.addEventListener('scroll', () => (numbers.scrollTop = area.scrollTop));
  area.addEventListener('input', () => {
    draw();
    onChange();
  });
  draw();
  return {
    element: h('div', { class: 'line-editor' }, numbers, area),
    area,
    set(text) {
      area.value = text;
      draw();
    },
    mark(problems) {
      marked = new Map(problems.filter(({ line }) => line).map(({ line, severity }) => [line, severity === 'ERROR' ? 'failed' : 'warning']));
      draw();
    },
    go(line) {
      const lines = area.value.split('\n');
      const start = lines.slice(0, line - 1).join('\n').length + (line > 1 ? 1 : 0);
      area.focus();
      area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
      area.scrollTop = Math.max(0, (line - 4) * (area.scrollHeight / lines.length));
    },
  };
}

/** Returns the entities that a document names, in its order. */
export function entitiesOf(yaml) {
  const body = yaml.split(/^entities:.*$/m)[1] ?? '';
  const names = [...body.matchAll(/^( +)([A-Za-z]\w*):/gm)];
  const least = Math.min(...names.map(([, indent]) => indent.length));
  return names.filter(([, indent]) => indent.length === least).map(([, , name]) => name);
}

/** What was typed and not saved, by layer, so that a look elsewhere loses nothing. */
const drafts = new Map();

export function yamlView(place, query) {
  let current = place.layer(query.get('layer'));
  let layer = null;
  let isDirty = false;
  const body = h('div');

  async function read() {
    await load(body, async () => {
      ({ mappingLayer: layer } = await ask('MappingLayer', { scope: scopeOf(current.scope) }));
      const draft = drafts.get(keyOf());
      // A draft keeps the version that it began with, so that what others saved since is not overwritten unseen.
      layer = { ...layer, scope: current.scope, version: draft?.version ?? layer.version };
      isDirty = Boolean(draft);
      return draw(draft?.text);
    });
  }

  const keyOf = () => JSON.stringify(scopeOf(current.scope));

  function draw(draft) {
    const problems = h('div', { role: 'status' });
    const entity = select([]);
    const editor = lineEditor(draft ?? (layer.version ? layer.yaml : START), changed);
    const yaml = () => editor.area.value;
    function changed() {
      isDirty = true;
      foot.clear();
      drafts.set(keyOf(), { text: yaml(), version: layer.version });
      offer();
      preview.update();
    }
    function offer() {
      const names = entitiesOf(yaml());
      const kept = names.includes(entity.value) ? entity.value : names[0];
      if (names.join() === [...entity.options].map(({ value }) => value).join()) return;
      fill(entity, names.map(name => h('option', { value: name, selected: name === kept }, name)));
    }
    const show = list => {
      editor.mark(list);
      fill(problems, list.length ? problemList(list, editor.go) : isDirty && h('p', { class: 'soft' }, 'No problem was found.'));
      return [];
    };
    const preview = makePreview({ place, entity: () => entity.value || 'PurchaseOrder', read: () => (isDirty ? { scope: scopeOf(current.scope), yaml: yaml() } : null), onProblems: show });
    entity.addEventListener('change', preview.run);
    const file = h('input', { type: 'file', accept: '.yaml,.yml,text/yaml,application/yaml', hidden: true, 'aria-label': 'YAML file', onchange: take });
    async function take() {
      const [chosen] = file.files;
      file.value = '';
      if (!chosen) return;
      if (chosen.size > MOST_BYTES) return say('The file is larger than a mapping can be.');
      editor.set(await chosen.text());
      changed();
      editor.area.focus();
      return say(`${chosen.name} is in the editor. Nothing is saved yet.`);
    }
    const foot = saver({
      place,
      layer: () => layer,
      what: () => ({ yaml: yaml() }),
      rebased: theirs => {
        layer = theirs;
        drafts.set(keyOf(), { text: yaml(), version: theirs.version });
        fill(others, notice('warn', h('p', {}, 'To save yours takes the place of all that they saved.'), h('div', { class: 'actions' }, button('Take theirs instead', () => throwAway()))));
      },
      onProblems: show,
      saved: () => throwAway(),
      more: [button('Import a file', () => file.click()), button('Export', () => download(`${place.connection.connector?.id ?? 'mapping'}-${current.key}.yaml`, yaml()))],
    });
    const others = h('div');
    function throwAway() {
      drafts.delete(keyOf());
      return read();
    }
    offer();
    queueMicrotask(preview.run);
    return [
      h('p', { class: 'soft' }, layer.version ? `Version ${layer.version} of the layer.` : 'Nothing was saved in this layer yet.', draft && [' What you typed before is not saved yet. ', h('button', { type: 'button', class: 'plain', onclick: throwAway }, 'Throw it away')]),
      h('div', { class: 'sides' }, h('div', {}, editor.element, file, problems), h('div', {}, field('Try it on', entity), preview.element)),
      others,
      foot.element,
    ];
  }

  const choice = place.layers.length > 1 && segments('Layer', place.layers.map(one => [one.key, one.title]), current.key, key => {
    current = place.layer(key);
    read();
  });
  const leaving = event => isDirty && event.preventDefault();
  window.addEventListener('beforeunload', leaving);
  read();
  return {
    title: 'YAML',
    element: h('section', { class: 'mappings' }, head(place, 'yaml', 'The layer as YAML', { about: 'The same words as in the mapping files of connectors.' }), choice, body),
    end: () => window.removeEventListener('beforeunload', leaving),
  };
}
