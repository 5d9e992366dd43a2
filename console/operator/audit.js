// Who did what to the organization's connections, tokens and webhooks.
import { ask } from './api.js';
import { details } from './connection.js';
import { h } from '../connect/dom.js';
import { toWrite } from './writes.js';
import { field, pages, table, text, time, toConnection } from './ui.js';

const PAGE = 50;

export function auditView() {
  const action = text({ placeholder: 'connection.disconnect' });
  const target = text({ placeholder: 'id of a connection, token or endpoint' });
  const list = pages(
    async before => {
      const filter = {};
      if (action.value.trim()) filter.actions = [action.value.trim()];
      if (target.value.trim()) filter.targetId = target.value.trim();
      const { auditLog } = await ask('AuditLog', { filter, first: PAGE, before });
      return { nodes: auditLog.nodes, cursor: auditLog.pageInfo?.hasNextPage ? auditLog.pageInfo.endCursor : null };
    },
    rows => table(COLUMNS, rows, { label: 'Audit log', empty: 'No act fits.' }),
  );
  const form = h('form', { class: 'filters', role: 'search' }, field('Act', action), field('Done to', target), h('div', { class: 'field' }, h('button', {}, 'Filter')));
  form.addEventListener('submit', event => {
    event.preventDefault();
    list.restart();
  });
  list.restart();
  return { title: 'Audit log', element: h('section', {}, h('h1', {}, 'Audit log'), form, list.element), reload: () => list.restart() };
}

function target({ action, targetId }) {
  if (!targetId) return '—';
  if (action.startsWith('connection.')) return toConnection(targetId);
  if (action.startsWith('write.')) return toWrite(targetId, `…${targetId.slice(-12)}`);
  return h('code', {}, targetId);
}

const COLUMNS = [
  { title: 'When', cell: entry => time(entry.createdAt) },
  { title: 'Who', cell: entry => [entry.actorName ?? entry.actorKind.toLowerCase(), h('span', { class: 'under' }, [entry.actorName && entry.actorKind.toLowerCase(), entry.address].filter(Boolean).join(' · '))] },
  { title: 'What', cell: entry => [h('code', {}, entry.action), details(entry.detail)] },
  { title: 'Done to', wide: true, cell: entry => target(entry) },
];
