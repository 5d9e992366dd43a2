// The log of writes: everything that was asked of the connected systems, newest first, and what came of it.
import { ask } from './api.js';
import { fill, h, prose } from '../connect/dom.js';
import { WRITABLE, WRITE_OPERATIONS, WRITE_STATES } from './queries.js';
import { badge, button, field, load, pages, select, table, time, words } from './ui.js';

const PAGE = 50;
/** A write that its caller waits for is told by no event, so that the log is asked for news. */
export const NEWS_MS = 5000;
const HOUR_MS = 3600_000;
const SINCE = { '1 hour': HOUR_MS, '24 hours': 24 * HOUR_MS, '7 days': 168 * HOUR_MS, '30 days': 720 * HOUR_MS };
const FILTERS = ['state', 'connection', 'entity', 'operation', 'since', 'batch'];
/** The filters that were used last, for the way back from a write. */
let last = '';

/** Names a type as people read it: `PurchaseOrder` is a purchase order. */
export const spoken = entity => entity.replace(/(?!^)([A-Z])/g, ' $1').toLowerCase();
const capital = text => text.charAt(0).toUpperCase() + text.slice(1);
const STOCK = ['adjust', 'transfer', 'issue'];
/** Names what is done: “Create purchase order”. */
export const what = ({ entity, operation }) => `${capital(operation)} ${STOCK.includes(operation) ? 'stock' : spoken(entity)}`;

export const toWrite = (id, text) => h('a', { href: `#/writes/${id}` }, text);
export const logHref = (filters = {}) => {
  const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value)).toString();
  return query ? `#/writes?${query}` : '#/writes';
};
export const lastLog = () => `#/writes${last}`;

/** Shows where a write stands. A request that may have left is under way, as one that is prepared. */
export const outcome = row => [badge(row.state === 'SENDING' ? 'RUNNING' : row.state), row.simulated && [' ', badge('simulated')]];

export function duration(ms) {
  if (ms === null || ms === undefined) return '—';
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < HOUR_MS ? `${Math.round(ms / 60_000)} min` : `${(ms / HOUR_MS).toFixed(1)} h`;
}

export const caller = ({ actor }) => actor.name ?? words(actor.kind);
export const connectionLink = row => h('a', { href: `#/connections/${row.connectionId}` }, row.connection?.name ?? `…${row.connectionId.slice(-12)}`);

function why(row) {
  const [first, ...others] = row.userErrors;
  const text = first ? first.remoteMessage ?? first.message : row.errorMessage;
  if (!text || row.state === 'SUCCEEDED') return null;
  // Many messages name the field themselves.
  const place = first?.path.length > 0 && !text.includes(first.path.at(-1)) && `${first.path.join('.')}: `;
  return h('span', { class: 'why' }, place, prose(text), others.length > 0 && ` (and ${others.length} more)`);
}

const COLUMNS = [
  { title: 'When', cell: row => time(row.createdAt) },
  { title: 'What', cell: row => [toWrite(row.id, what(row)), h('span', { class: 'under slim' }, row.connection?.name)] },
  { title: 'Record', wide: true, cell: row => (row.remoteId ? h('code', {}, row.remoteId) : '—') },
  { title: 'Outcome', cell: row => [outcome(row), why(row)] },
  { title: 'Connection', wide: true, cell: connectionLink },
  { title: 'Who', wide: true, cell: caller },
  { title: 'Took', wide: true, cell: row => h('span', { class: 'mono' }, duration(row.durationMs)) },
];

const OF_ONE = COLUMNS.filter(({ title }) => title !== 'Connection').map(column => (column.title === 'What' ? { ...column, cell: row => toWrite(row.id, what(row)) } : column));

/** Shows writes as a table; those of one connection do not name it. */
export function writesTable(rows, { label, empty, ofOne = false }) {
  return table(ofOne ? OF_ONE : COLUMNS, rows, { label, empty });
}

/** Puts the newest writes before those that were read earlier; null when they do not join. */
function joined(rows, news, isWhole) {
  if (isWhole || !rows.length) return news;
  const ids = new Set(news.map(row => row.id));
  if (!rows.some(row => ids.has(row.id))) return null;
  // One that is newer than the page's end and not on it fits the filters no more.
  const end = news.at(-1).createdAt;
  return news.concat(rows.filter(row => !ids.has(row.id) && row.createdAt < end));
}

export function writesView(query) {
  const chosen = Object.fromEntries(FILTERS.map(name => [name, query.get(name) ?? '']));
  const problem = h('div');
  const only = h('div');
  const one = value => (value ? [value] : null);

  async function page(before) {
    const { writes } = await ask('Writes', {
      filter: {
        states: WRITE_STATES[chosen.state] ?? null,
        connections: one(chosen.connection),
        entities: one(chosen.entity),
        operations: one(chosen.operation),
        batches: one(chosen.batch),
        since: SINCE[chosen.since] ? new Date(Date.now() - SINCE[chosen.since]).toISOString() : null,
      },
      first: PAGE,
      before,
    });
    return { nodes: writes.nodes, cursor: writes.pageInfo.hasNextPage ? writes.pageInfo.endCursor : null };
  }
  const list = pages(page, rows =>
    writesTable(rows, { label: 'Writes', empty: FILTERS.some(name => chosen[name]) ? 'No write fits these filters.' : 'Nothing was written yet.' }),
  );

  function keep() {
    const href = logHref(chosen);
    last = href.replace('#/writes', '');
    history.replaceState(null, '', href);
    fill(only, chosen.batch && h('p', {}, 'Only the batch ', h('code', {}, chosen.batch), ' ', button('Show all', () => narrow('batch', ''))));
  }
  function narrow(name, value) {
    chosen[name] = value;
    keep();
    list.restart();
  }
  const choice = (label, name, options, all = 'All') =>
    field(label, select([['', all], ...options], { value: chosen[name], onchange: event => narrow(name, event.target.value) }));
  const connection = choice('Connection', 'connection', chosen.connection ? [[chosen.connection, `…${chosen.connection.slice(-12)}`]] : []);
  const filters = h(
    'form',
    { class: 'filters', role: 'search', onsubmit: event => event.preventDefault() },
    choice('Outcome', 'state', Object.keys(WRITE_STATES).map(name => [name, name])),
    connection,
    choice('Entity', 'entity', WRITABLE.map(name => [name, spoken(name)])),
    choice('Operation', 'operation', WRITE_OPERATIONS.map(name => [name, name])),
    choice('Since', 'since', Object.keys(SINCE).map(name => [name, `the last ${name}`.replace('last 1 ', 'last ')]), 'Any time'),
  );
  async function connections() {
    await load(problem, async () => {
      const { connections } = await ask('Connections', { first: 250 });
      const control = connection.querySelector('select');
      const options = connections.nodes.map(({ id, name }) => h('option', { value: id }, name));
      const isThere = connections.nodes.some(({ id }) => id === chosen.connection);
      fill(control, [...control.options].filter(option => !option.value || !isThere), options);
      control.value = chosen.connection;
    });
  }

  async function freshen() {
    const rows = list.rows();
    const answer = await page(null).catch(() => null);
    // Somebody has turned the page or changed a filter meanwhile.
    if (!answer || list.rows() !== rows) return;
    const now = joined(rows, answer.nodes, !answer.cursor);
    if (!now) return list.restart();
    if (JSON.stringify(now) === JSON.stringify(rows)) return;
    const known = new Map(rows.map(row => [row.id, row.state]));
    rows.splice(0, rows.length, ...now);
    const focused = document.activeElement?.closest('tr')?.dataset.id;
    list.show();
    const element = id => [...list.element.querySelectorAll('tr[data-id]')].find(row => row.dataset.id === id);
    if (focused) element(focused)?.querySelector('a')?.focus();
    for (const row of now) if (known.get(row.id) !== row.state) element(row.id)?.classList.add('fresh');
  }
  let reading;
  function onEvent(event) {
    if (!event.type.startsWith('write.')) return;
    clearTimeout(reading);
    reading = setTimeout(freshen, 150);
  }
  const pulse = setInterval(() => document.hidden || freshen(), NEWS_MS);

  keep();
  list.restart();
  connections();
  return {
    title: 'Writes',
    element: h('section', {}, h('h1', {}, 'Writes'), h('p', { class: 'soft' }, 'Everything that was asked of the connected systems, and what came of it.'), filters, problem, only, list.element),
    onEvent,
    reload: () => list.restart(),
    end() {
      clearTimeout(reading);
      clearInterval(pulse);
    },
  };
}
