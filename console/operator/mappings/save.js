// Saves a layer: asks again where something is lost, and shows what somebody else saved meanwhile without losing work.
import { fill, h } from '../../connect/dom.js';
import { ask } from '../api.js';
import { act, button, check, field, notice, refusal, say, text, time } from '../ui.js';
import { changeList, problemList } from './parts.js';

/**
 * Makes the foot of an editor. `layer` returns the layer as it was read; `what` returns the edits, the document or the
 * YAML to save, or throws; `saved` hears the new layer; `rebased` hears the layer that somebody else saved.
 */
export function saver({ place, action = 'Save', layer, what, saved, rebased = () => {}, onProblems = () => {}, more = [] }) {
  const comment = text({ maxlength: 500 });
  const outcome = h('div', { role: 'status' });
  const send = button(action, () => save(false), 'main');

  let isRefused = false;

  async function save(acceptWarnings) {
    isRefused = false;
    const base = layer();
    await act(send, outcome, async () => {
      const given = read();
      const input = { scope: scopeOf(base.scope), expectedVersion: base.version, comment: comment.value.trim() || null, acceptWarnings, ...given };
      let payload;
      try {
        ({ saveMapping: payload } = await ask('SaveMapping', { input }));
      } catch (error) {
        if (error.code === 'VERSION_CONFLICT') return conflict(base);
        throw error;
      }
      if (payload.layer) {
        say(`Saved as version ${payload.layer.version}. The next query uses it.`);
        place.onSaved(payload.layer);
        return saved(payload.layer, payload.problems);
      }
      onProblems(payload.problems);
      isRefused = true;
      return fill(outcome, refused(payload.problems));
    });
  }

  function read() {
    try {
      return what();
    } catch (error) {
      error.control?.focus();
      throw error;
    }
  }

  function refused(problems) {
    if (problems.some(({ severity }) => severity === 'ERROR')) return notice('bad', h('p', {}, 'Not saved. Please mend this first:'), problemList(problems));
    const accept = check('Save it all the same');
    const again = button('Save', () => save(true));
    again.disabled = true;
    accept.querySelector('input').addEventListener('change', event => (again.disabled = !event.target.checked));
    return notice('warn', h('p', {}, 'Not saved yet, because something is lost by it:'), problemList(problems), accept, h('div', { class: 'actions' }, again));
  }

  async function conflict(base) {
    try {
      const { mappingLayer: theirs } = await ask('MappingLayer', { scope: scopeOf(base.scope) });
      const { mappingDiff: changes } = await ask('MappingDiff', { scope: scopeOf(base.scope), from: base.version, to: theirs.version });
      rebased({ ...theirs, scope: base.scope });
      fill(
        outcome,
        notice(
          'warn',
          h('p', {}, h('b', {}, theirs.author ?? 'Somebody'), ` saved version ${theirs.version} `, time(theirs.createdAt), ' while you were working', theirs.comment && [': ', h('q', {}, theirs.comment)], '. Your work is still here.'),
          changeList(changes),
          h('p', {}, 'Look at what changed, go on editing if need be, and save yours on top of it.'),
          h('div', { class: 'actions' }, button('Save mine on top', () => save(false))),
        ),
      );
    } catch (error) {
      fill(outcome, refusal(error));
    }
  }

  return {
    element: h('div', { class: 'saver' }, h('div', { class: 'outcome' }, outcome), field('What you changed, and why (optional)', comment), h('div', { class: 'actions' }, send, more)),
    send,
    /** Takes a refusal away that is about what stood there before. */
    clear() {
      if (isRefused) fill(outcome);
      isRefused = false;
    },
  };
}

/** Returns a scope as it is asked for. */
export const scopeOf = ({ connectionId, connector, customer }) => (connectionId ? { connectionId } : customer ? { connector, customer } : { connector });
