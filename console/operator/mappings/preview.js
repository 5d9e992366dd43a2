// What a change would do, on live or pasted records, before it is saved: before and after, problems, filters, writes.
import { fill, h, icon, prose, sentence } from '../../connect/dom.js';
import { ask } from '../api.js';
import { field, refusal } from '../ui.js';
import { RESERVED, shown } from './grammar.js';
import { problemList, segments } from './parts.js';

const WAIT_MS = 450;
const RECORDS = 5;
const MOST_VALUES = 14;
const CODES = { NEVER: 'cannot be written', ON_CREATE: 'is written when a record is made', ALWAYS: 'can be written' };

/**
 * Makes a preview. `read` returns the change (`edits`, `yaml` or `document`, with its `scope`) or nothing; `only` names
 * the field that it is about; `isNew` tells that the entity was not there before; `onProblems` hears what is wrong, and
 * returns what is to be shown here of it.
 */
export function makePreview({ place, entity, read, only, isNew = false, onProblems = problems => problems }) {
  const pasted = h('textarea', { rows: 6, spellcheck: 'false', placeholder: '[{"id": 1, …}]' });
  const paste = field('Records as the system sends them', pasted, 'One JSON object, or a list of them.');
  const status = h('p', { class: 'soft', role: 'status' });
  const body = h('div');
  let source = 'live';
  let turn = 0;
  let waiting;
  paste.hidden = true;

  const choice = segments('Records to try', [['live', 'Live records'], ['pasted', 'Pasted records']], 'live', value => {
    source = value;
    paste.hidden = value === 'live';
    value === 'pasted' && pasted.focus();
    run();
  });
  pasted.addEventListener('input', later);

  function later() {
    clearTimeout(waiting);
    // What stands there is of what was typed before.
    if (!status.querySelector('.busy')) fill(status, h('span', { class: 'busy' }, 'Trying …'));
    waiting = setTimeout(run, WAIT_MS);
  }

  async function run() {
    clearTimeout(waiting);
    const own = (turn += 1);
    let input;
    try {
      input = read();
    } catch (error) {
      fill(body);
      return fill(status, error.message);
    }
    if (!input) {
      fill(body);
      return fill(status, 'Change something to see what it does.');
    }
    if (source === 'pasted') {
      if (!pasted.value.trim()) return fill(status, 'Paste a record to try the change on it.');
      try {
        const given = JSON.parse(pasted.value);
        input.records = Array.isArray(given) ? given : [given];
      } catch (error) {
        return fill(status, `This is no JSON: ${error.message}`);
      }
    } else input.samples = RECORDS;
    fill(status, h('span', { class: 'busy' }, source === 'live' ? 'Asking the system …' : 'Trying …'));
    try {
      const { previewMapping: preview } = await ask('PreviewMapping', { input: { connectionId: place.id, entity: typeof entity === 'function' ? entity() : entity, ...input } });
      if (own !== turn) return undefined;
      const { records } = preview;
      fill(status, records.length ? `${records.length} ${source === 'live' ? 'live ' : ''}${records.length === 1 ? 'record' : 'records'}.` : 'There is no record to show.');
      return fill(body, draw(preview));
    } catch (error) {
      if (own !== turn || error.code === 'UNAUTHENTICATED') return undefined;
      if (!error.code) throw error;
      fill(status);
      return fill(body, refusal(error));
    }
  }

  function draw({ problems, records, filters, writes }) {
    const rest = onProblems(problems);
    const twice = isNew && records.find((one, index) => records.findIndex(other => other.remoteId === one.remoteId) < index);
    // Of an entity that was not there before every effect is new.
    const effects = isNew ? [] : [...filters.map(filterEffect), ...writes.map(writeEffect)].filter(Boolean);
    return [
      problemList(rest),
      twice && h('p', { class: 'bad' }, icon('failed'), ' Several of these records have the key ', h('code', {}, shown(twice.remoteId, 60)), ': it does not identify a record. Name more fields under “Key”.'),
      records.length > 0 && h('ol', { class: 'records', 'aria-label': 'Records before and after' }, records.map(record)),
      effects.length > 0 && [h('h3', {}, 'Besides'), h('ul', { class: 'effects' }, effects)],
    ];
  }

  function record(one) {
    const changed = [...new Set([...(only ? [only()] : []), ...one.changedFields])].filter(Boolean);
    // A record of an entity that was not there before has no past.
    const isFirst = !one.before && one.after;
    return h(
      'li',
      {},
      h('p', { class: 'whose' }, h('code', {}, shown(one.remoteId, 60))),
      isFirst && values(one.after),
      !isFirst && changed.length === 0 && h('p', { class: 'soft' }, 'Nothing changes.'),
      !isFirst && changed.map(name => comparison(name, one.before?.[name], one.after?.[name], changed.length > 1 || !only)),
      one.problems.map(problem => h('p', { class: 'bad' }, icon('failed'), ' ', problem.field && problem.field !== only?.() && [h('code', {}, problem.field), ': '], prose(sentence(problem.message)))),
    );
  }

  return { element: h('section', { class: 'preview', 'aria-label': 'Preview' }, h('div', { class: 'top' }, h('h2', {}, 'Preview'), choice), paste, status, body), update: later, run };
}

/** Shows the first values of a record that was not there before. */
function values(record) {
  const given = Object.entries(record).filter(([name, value]) => value !== null && !RESERVED.includes(name));
  return [
    h('dl', { class: 'pairs' }, given.slice(0, MOST_VALUES).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, shown(value, 80))))),
    given.length > MOST_VALUES && h('p', { class: 'soft' }, `And ${given.length - MOST_VALUES} more.`),
  ];
}

function comparison(name, before, after, isNamed) {
  const isSame = JSON.stringify(before ?? null) === JSON.stringify(after ?? null);
  return h(
    'p',
    { class: 'comparison' },
    isNamed && [h('code', {}, name), ' '],
    isSame ? [h('span', {}, shown(after, 200)), ' ', h('span', { class: 'soft' }, '(as before)')] : [h('del', {}, h('span', { class: 'unseen' }, 'before: '), shown(before, 200)), ' ', h('span', { 'aria-hidden': true }, '→'), ' ', h('ins', {}, h('span', { class: 'unseen' }, 'after: '), shown(after, 200))],
  );
}

function filterEffect({ field: name, before, after }) {
  const lost = before.filter(operator => !after.includes(operator));
  const won = after.filter(operator => !before.includes(operator));
  if (!lost.length && !won.length) return null;
  const list = operators => operators.map((operator, index) => [index > 0 && ', ', h('code', {}, operator)]);
  return h('li', {}, h('code', {}, name), lost.length > 0 && [' can no longer be filtered in the system by ', list(lost)], lost.length > 0 && won.length > 0 && ', but', won.length > 0 && [' can now be filtered in the system by ', list(won)], '.');
}

function writeEffect({ field: name, before, after }) {
  return before === after ? null : h('li', {}, h('code', {}, name), `: now it ${CODES[before] ?? before}; after this change it ${CODES[after] ?? after}.`);
}
