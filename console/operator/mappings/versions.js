// The versions of a layer: who saved what and when, the difference of any two, and the way back; and the layer on other
// connections.
import { fill, h, sentence } from '../../connect/dom.js';
import { ask } from '../api.js';
import { act, button, check, exact, field, formDialog, load, notice, pages, refusal, refuse, say, select, text, time } from '../ui.js';
import { changeList, head, problemList, segments } from './parts.js';
import { scopeOf } from './save.js';
import { download } from './yaml.js';

const PAGE = 25;

export function versionsView(place, query) {
  let current = place.layer(query.get('layer'));
  let layer = null;
  const facts = h('div');
  const compared = h('div', { role: 'status' });
  const from = select([]);
  const to = select([]);
  const compare = h('form', { class: 'filters compare' }, field('Compare version', from), field('with', to), h('div', { class: 'field' }, h('button', {}, 'Show the difference')));
  // Until there are versions to choose from.
  compare.hidden = true;
  compare.addEventListener('submit', async event => {
    event.preventDefault();
    await act(event.submitter, compared, async () => {
      const { mappingDiff } = await ask('MappingDiff', { scope: scopeOf(current.scope), from: Number(from.value), to: Number(to.value) });
      fill(compared, h('section', { class: 'card', 'aria-label': 'Difference' }, h('h2', {}, `From version ${from.value} to ${to.value}`), changeList(mappingDiff)));
    });
  });
  const list = pages(
    async after => {
      const { mappingVersions } = await ask('MappingVersions', { scope: scopeOf(current.scope), first: PAGE, after });
      return { nodes: mappingVersions.nodes, cursor: mappingVersions.pageInfo.hasNextPage ? mappingVersions.pageInfo.endCursor : null };
    },
    rows => {
      const known = [...rows.map(({ version }) => [String(version), String(version)]), ['0', '0: nothing']];
      const kept = [from.value, to.value];
      const options = chosen => known.map(([value, name]) => h('option', { value, selected: value === chosen }, name));
      fill(from, options(kept[0] || known[Math.min(1, known.length - 1)][0]));
      fill(to, options(kept[1] || known[0][0]));
      compare.hidden = rows.length === 0;
      return rows.length ? h('ol', { class: 'versions' }, rows.map(version)) : h('p', { class: 'empty' }, 'Nothing was changed in this layer yet.');
    },
  );

  const version = one =>
    h(
      'li',
      { class: 'card' },
      h(
        'div',
        { class: 'top' },
        h('div', {}, h('b', {}, `Version ${one.version}`), one.version === layer?.version && [' ', h('span', { class: 'badge good' }, 'current')], h('span', { class: 'under' }, one.author, ' · ', time(one.createdAt))),
        h('div', { class: 'actions' }, button('Export', () => download(fileName(one.version), one.yaml), 'small'), one.version !== layer?.version && h('button', { type: 'button', class: 'small', 'aria-label': `Roll back to version ${one.version}`, onclick: () => rollBack(one) }, 'Roll back')),
      ),
      one.comment && h('p', {}, one.comment),
      h('details', { class: 'light' }, h('summary', {}, one.changes.length === 1 ? '1 change' : `${one.changes.length} changes`), changeList(one.changes)),
    );
  const fileName = number => `${[current.scope.connector ?? place.connection.connector?.id ?? 'mapping', current.key, `v${number}`].join('-')}.yaml`;

  function rollBack(one) {
    const comment = text({ value: `Back to version ${one.version}`, maxlength: 500 });
    let expectedVersion = layer.version;
    const differs = h('div', {}, h('p', { class: 'soft' }, 'Comparing …'));
    const box = formDialog(
      `Roll back to version ${one.version}?`,
      [h('p', {}, 'What it says becomes a new version, so this can be undone as well. What changes:'), differs, field('Comment', comment)],
      'Roll back',
      async () => {
        let payload;
        try {
          ({ rollBackMapping: payload } = await ask('RollBackMapping', { scope: scopeOf(current.scope), toVersion: one.version, expectedVersion, comment: comment.value.trim() || null }));
        } catch (error) {
          if (error.code !== 'VERSION_CONFLICT') throw error;
          await freshen();
          expectedVersion = layer.version;
          compareNow();
          refuse(`Meanwhile ${layer.author ?? 'somebody'} saved version ${layer.version}. Look at what changes now, and press again if it is right.`);
        }
        if (!payload.layer) return notice('bad', h('p', {}, 'This version cannot be brought back:'), problemList(payload.problems));
        say(`Saved as version ${payload.layer.version}.`);
        place.onSaved(payload.layer);
        await read();
        return undefined;
      },
    );
    box.classList.add('broad');
    const compareNow = () => load(differs, async () => changeList((await ask('MappingDiff', { scope: scopeOf(current.scope), from: layer.version, to: one.version })).mappingDiff));
    compareNow();
  }

  async function copy() {
    const { connections } = await ask('Connections', { first: 250, filter: { connector: [place.connection.connector.id] } });
    const others = connections.nodes.filter(({ id, status }) => id !== place.id && status !== 'DISCONNECTED');
    const boxes = others.map(one => check([one.name, h('span', { class: 'under' }, one.customer?.name)], { value: one.id }));
    const comment = text({ maxlength: 500 });
    formDialog(
      'Copy to other connections',
      others.length
        ? [h('p', {}, `Version ${layer.version} of this layer takes the place of what these connections have of their own. They keep their versions, so each can be rolled back.`), h('fieldset', { class: 'choose' }, h('legend', {}, 'Connections'), boxes), field('Comment (optional)', comment)]
        : [h('p', {}, `There is no other connection to ${place.system}.`)],
      'Copy',
      async form => {
        const chosen = [...form.querySelectorAll('fieldset input:checked')].map(({ value }) => value);
        if (!chosen.length) refuse('No connection is chosen.');
        const { copyMapping } = await ask('CopyMapping', { from: scopeOf(current.scope), to: chosen.map(connectionId => ({ connectionId })), comment: comment.value.trim() || null });
        return h('ul', { class: 'copied' }, copyMapping.map((result, index) => h('li', {}, h('b', {}, others.find(({ id }) => id === chosen[index])?.name ?? chosen[index]), ': ', result.layer ? `version ${result.layer.version}.` : ['not copied. ', result.error && sentence(result.error.message), problemList(result.problems)])));
      },
    );
  }

  async function freshen() {
    ({ mappingLayer: layer } = await ask('MappingLayer', { scope: scopeOf(current.scope) }));
  }
  async function read() {
    try {
      await freshen();
    } catch (error) {
      if (!error.code) throw error;
      return fill(facts, refusal(error));
    }
    fill(compared);
    fill(
      facts,
      h('p', { class: 'soft' }, layer.version ? [`Version ${layer.version}, by ${layer.author ?? 'somebody'}, ${exact(layer.createdAt)}. `] : 'Nothing was saved in this layer yet. ', layer.affectedConnections === 1 ? 'It holds for one connection.' : `It holds for ${layer.affectedConnections} connections.`),
      h(
        'div',
        { class: 'actions' },
        layer.version > 0 && button('Export as YAML', () => download(fileName(layer.version), layer.yaml)),
        h('a', { class: 'button', href: place.href('yaml', '', { layer: current.key }) }, 'Edit or import YAML'),
        place.isStaff && layer.version > 0 && current.key === 'connection' && button('Copy to other connections', event => act(event.currentTarget, compared, copy)),
      ),
    );
    return list.restart();
  }

  const choice = place.layers.length > 1 && segments('Layer', place.layers.map(one => [one.key, one.title]), current.key, key => {
    current = place.layer(key);
    fill(from);
    fill(to);
    compare.hidden = true;
    read();
  });
  read();
  return {
    title: 'Versions',
    element: h('section', { class: 'mappings' }, head(place, 'versions', 'Versions', { about: 'Every save is a version. The newest holds.' }), choice, facts, compare, compared, list.element),
    reload: read,
  };
}
