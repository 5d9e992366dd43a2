// The organization's credits: how many there are, and the ledger that says where they went.
import { ask } from './api.js';
import { fill, h } from '../connect/dom.js';
import { badge, pages, table, time, toConnection } from './ui.js';

const PAGE = 50;

export function creditsView() {
  const head = h('div', {});
  const list = pages(
    async before => {
      const { credits } = (await ask('Credits', { first: PAGE, before })).organization;
      if (!before) fill(head, ...summary(credits));
      return { nodes: credits.entries.nodes, cursor: credits.entries.pageInfo?.hasNextPage ? credits.entries.pageInfo.endCursor : null };
    },
    rows => table(COLUMNS, rows, { label: 'Ledger' }),
  );
  list.restart();
  return {
    title: 'Credits',
    element: h('section', {}, h('h1', {}, 'Credits'), head, h('h2', {}, 'Ledger'), list.element),
    onEvent: event => event.type.startsWith('credits.') && list.restart(),
    reload: () => list.restart(),
  };
}

function summary({ total, used, available }) {
  const share = total > 0 ? Math.min(100, Math.max(0, (used / total) * 100)) : 0;
  const used_part = h('div', { class: 'used' });
  used_part.style.width = `${share}%`;
  if (share >= 90) used_part.classList.add('nearly');
  const number = (label, value) => h('div', { class: 'number' }, h('b', {}, String(value)), h('span', {}, label));
  return [
    h('div', { class: 'numbers' }, number('in all', total), number('used', used), number('available', available)),
    h('div', { class: 'meter', role: 'meter', 'aria-label': 'Credits used', 'aria-valuemin': 0, 'aria-valuemax': total, 'aria-valuenow': used, 'aria-valuetext': `${used} of ${total} used` }, used_part),
  ];
}

const COLUMNS = [
  { title: 'When', cell: entry => time(entry.createdAt) },
  { title: 'What', cell: entry => badge(entry.kind) },
  { title: 'Credits', cell: entry => h('span', { class: `mono ${entry.amount < 0 ? '' : 'plus'}` }, entry.amount > 0 ? `+${entry.amount}` : String(entry.amount).replace('-', '−')) },
  { title: 'Connection', cell: entry => (entry.connectionId ? toConnection(entry.connectionId) : '—') },
  { title: 'Note', wide: true, cell: entry => entry.note ?? '' },
];
