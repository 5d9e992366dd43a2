// The list of connections, kept up to date by the feed.
import { ask } from './api.js';
import { fill, h } from '../connect/dom.js';
import { STATUSES } from './queries.js';
import { badge, button, field, load, pages, select, table, text, time } from './ui.js';

const PAGE = 50;
const TROUBLED = ['DEGRADED', 'UNREACHABLE', 'REAUTH_REQUIRED'];
const words = code => code.toLowerCase().replaceAll('_', ' ');
/** The filters outlive a look at one connection. */
const kept = { text: '', status: '', connector: '', customer: '' };

export const deploymentName = deployment => (deployment === 'ON_PREMISES' ? 'on-premises' : 'cloud');

/** Shows why a connection is in its state. */
export const why = connection =>
  connection.statusReason || connection.statusMessage
    ? h('span', { class: 'why' }, [connection.statusReason && words(connection.statusReason), connection.statusMessage].filter(Boolean).join(': '))
    : null;

const COLUMNS = [
  {
    title: 'Connection',
    cell: row => [
      h('a', { href: `#/connections/${row.id}` }, row.name),
      row.customer && h('span', { class: 'under' }, `${row.customer.name} (${row.customer.externalId})`),
    ],
  },
  { title: 'Status', cell: row => [badge(row.status), why(row)] },
  { title: 'Since', wide: true, cell: row => time(row.statusSince) },
  { title: 'System', wide: true, cell: row => [row.connector?.name ?? 'not installed', h('span', { class: 'under' }, deploymentName(row.deployment))] },
  { title: 'Last success', wide: true, cell: row => time(row.lastSuccessAt, 'never') },
];

export function connectionsView() {
  const summary = h('p', { class: 'soft', role: 'status' });
  const problem = h('div');
  const fits = row => {
    const all = [row.name, row.id, row.account, row.customer?.name, row.customer?.externalId, row.connector?.name].join(' ').toLowerCase();
    return kept.text.toLowerCase().split(/\s+/).every(word => all.includes(word));
  };
  const list = pages(
    async after => {
      const one = value => (value ? [value] : null);
      const { connections } = await ask('Connections', {
        first: PAGE,
        after,
        filter: { customer: one(kept.customer.trim()), connector: one(kept.connector), status: one(kept.status) },
      });
      return { nodes: connections.nodes, cursor: connections.pageInfo.hasNextPage ? connections.pageInfo.endCursor : null };
    },
    rows => {
      const shown = rows.filter(fits);
      const troubled = rows.filter(row => TROUBLED.includes(row.status)).length;
      const of = shown.length === rows.length ? `${rows.length}` : `${shown.length} of ${rows.length}`;
      fill(summary, `${of} loaded${troubled ? `, ${troubled} in trouble` : ''}.`);
      const isNarrowed = Object.values(kept).some(Boolean);
      return table(COLUMNS, shown, {
        label: 'Connections',
        empty: isNarrowed ? 'No connection fits these filters.' : ['Nothing is connected yet. ', h('a', { href: '#/link' }, 'Make a link for a customer'), '.'],
      });
    },
  );

  const system = select([['', 'All systems']], { onchange: event => narrow('connector', event.target.value) });
  let typing;
  const later = work => (clearTimeout(typing), (typing = setTimeout(work, 300)));
  function narrow(name, value) {
    kept[name] = value;
    list.restart();
  }
  const filters = h(
    'form',
    { class: 'filters', role: 'search', onsubmit: event => event.preventDefault() },
    field('Search', text({ type: 'search', value: kept.text, oninput: event => ((kept.text = event.target.value), list.show()) })),
    field('Status', select([['', 'All'], ...STATUSES.map(status => [status, words(status)])], { value: kept.status, onchange: event => narrow('status', event.target.value) })),
    field('System', system),
    field('Customer id', text({ value: kept.customer, oninput: event => later(() => narrow('customer', event.target.value)) })),
  );

  async function connectors() {
    await load(problem, async () => {
      const answer = await ask('Connectors');
      system.append(...answer.connectors.map(({ id, name }) => h('option', { value: id }, name)));
      system.value = kept.connector;
    });
  }

  // Events come in bursts; each connection is read once for a burst.
  const dirty = new Set();
  let reading;
  function onEvent(event) {
    // Writes change nothing of what stands here.
    if (!event.connectionId || event.type.startsWith('write.')) return;
    dirty.add(event.connectionId);
    clearTimeout(reading);
    reading = setTimeout(freshen, 150);
  }
  async function freshen() {
    const ids = [...dirty];
    dirty.clear();
    const rows = list.rows();
    // A connection that is not on the page may belong there now.
    if (ids.length > 10 || ids.some(id => !rows.some(row => row.id === id))) return list.restart();
    for (const id of ids) {
      const answer = await ask('ConnectionRow', { id }).catch(() => null);
      const row = rows.find(one => one.id === id);
      if (answer?.connection && row) Object.assign(row, answer.connection, { isFresh: true });
    }
    const focused = document.activeElement?.closest('tr')?.dataset.id;
    list.show();
    const element = id => [...document.querySelectorAll('tr[data-id]')].find(row => row.dataset.id === id);
    if (focused) element(focused)?.querySelector('a')?.focus();
    for (const id of ids) element(id)?.classList.add('fresh');
    return undefined;
  }

  list.restart();
  connectors();
  return {
    title: 'Connections',
    element: h(
      'section',
      {},
      h('div', { class: 'top' }, h('h1', {}, 'Connections'), button('Connect a customer', () => (location.hash = '#/link'), 'main')),
      filters,
      problem,
      summary,
      list.element,
    ),
    onEvent,
    reload: () => list.restart(),
  };
}
