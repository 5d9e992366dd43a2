// One connection: its status, history, tokens, and what can be done with it.
import { ask } from './api.js';
import { deploymentName, why } from './connections.js';
import { fill, h, icon, prose } from '../connect/dom.js';
import { settingsLink } from './settings_link.js';
import { what, toWrite } from './writes.js';
import { writing } from './writing.js';
import { act, back, badge, button, check, exact, field, formDialog, notice, load, pages, refuse, say, select, table, takeAway, text, time } from './ui.js';

const PAGE = 25;
const GRACES = [['86400', '24 hours'], ['3600', '1 hour'], ['604800', '7 days'], ['0', 'at once']];

export function connectionView(id) {
  const body = h('div');
  const problem = h('div');
  let connection = null;
  const history = pages(
    async before => {
      const { events } = await ask('Events', { connectionIds: [id], first: PAGE, before });
      return { nodes: events.nodes, cursor: events.pageInfo.hasNextPage ? events.pageInfo.endCursor : null };
    },
    rows => table(EVENT_COLUMNS, rows, { label: 'History', empty: 'Nothing has happened yet.' }),
  );
  const report = h('div', { role: 'status' });
  const writes = writing(id, () => read());

  async function read() {
    await load(body, async () => {
      ({ connection } = await ask('Connection', { id }));
      if (connection) writes.show(connection);
      return connection ? draw() : notice('warn', h('p', {}, 'There is no such connection for this key.'));
    });
  }

  function draw() {
    const one = connection;
    return [
      h(
        'div',
        { class: 'top' },
        h('div', {}, h('h1', {}, one.name, ' ', badge(one.status)), h('p', { class: 'soft' }, [one.connector?.name ?? 'connector not installed', deploymentName(one.deployment), one.customer && `${one.customer.name} (${one.customer.externalId})`].filter(Boolean).join(' · '))),
        h('div', { class: 'actions' }, actions(one)),
      ),
      one.status === 'REAUTH_REQUIRED' &&
        notice('bad', h('p', {}, 'Somebody must sign in again; until then nothing is sent to the system.'), one.reconnectUrl && [h('p', { class: 'help' }, 'Send this link to the customer:'), takeAway('Reconnect link', one.reconnectUrl)]),
      report,
      h('div', { class: 'columns' }, statusBlock(one), h('div', {}, healthBlock(one), tokensBlock(one))),
      writes.element,
      h('h2', {}, 'History'),
      history.element,
    ];
  }

  const change = (operation, said) => async event => {
    await act(event.currentTarget, problem, async () => {
      await ask(operation, { id });
      say(said);
      await read();
    });
  };

  function actions(one) {
    const { status } = one;
    const isGone = status === 'DISCONNECTED';
    const runs = !['PAUSED', 'DISABLED', 'DISCONNECTED'].includes(status);
    return [
      runs && button('Pause', change('Pause', 'Paused.')),
      status === 'PAUSED' && button('Resume', change('Resume', 'Resumed.'), 'main'),
      !isGone && h('a', { class: 'button', href: `#/connections/${id}/mappings` }, 'Fields and mappings'),
      !isGone && button('Diagnose', diagnose),
      !isGone && status !== 'DISABLED' && button('Settings link', () => settingsLink(id)),
      !isGone && status !== 'DISABLED' && button('Reconnect link', reconnectLink, status === 'REAUTH_REQUIRED' ? 'main' : ''),
      isGone ? button('Delete', () => byName('Delete'), 'danger') : button('Disconnect', () => byName('Disconnect'), 'danger'),
    ];
  }

  async function diagnose(event) {
    fill(report, h('p', { class: 'soft' }, 'Diagnosing …'));
    const answer = await act(event.currentTarget, report, () => ask('Diagnose', { id }));
    if (!answer) return;
    const { summary, steps } = answer.diagnoseConnection;
    fill(
      report,
      h(
        'section',
        { class: 'card', 'aria-label': 'Diagnosis' },
        h('div', { class: 'top' }, h('h2', {}, 'Diagnosis'), button('Close', () => fill(report))),
        h('p', {}, prose(summary)),
        h('ol', { class: 'checks' }, steps.map(diagnosisStep)),
      ),
    );
  }

  function reconnectLink() {
    const minutes = select([['30', '30 minutes'], ['15', '15 minutes'], ['5', '5 minutes']]);
    const redirect = text({ type: 'url', placeholder: 'https://' });
    const other = check('Allow another account of the system');
    formDialog(
      'Reconnect link',
      [
        h('p', { class: 'soft' }, 'The page asks for new credentials only; the connection keeps its id, mappings and credits.'),
        field('Works for', minutes),
        field('Return address (optional)', redirect, 'Where the customer goes afterwards, with a one-time code.'),
        h('div', { class: 'field' }, other),
      ],
      'Create link',
      async () => {
        const input = { connectionId: id, ttlSeconds: minutes.value * 60, allowAccountChange: other.querySelector('input').checked };
        if (redirect.value.trim()) input.redirectUrl = redirect.value.trim();
        const { createReconnectLink: link } = await ask('CreateReconnectLink', { input });
        return [h('p', {}, `Give this link to the customer. It works once and until ${exact(link.expiresAt)}.`), takeAway('Reconnect link', link.url)];
      },
    );
  }

  function byName(operation) {
    const typed = text({ autocapitalize: 'none' });
    const texts = {
      Disconnect: 'The credentials and tokens are destroyed and the credits given back. This cannot be undone.',
      Delete: 'The name, settings, account and messages of the connection are erased; only its id and what happened to it stay. This cannot be undone.',
    };
    const form = formDialog(
      `${operation} ${connection.name}?`,
      [h('p', {}, texts[operation]), field(`Type “${connection.name}” to confirm`, typed)],
      operation,
      async () => {
        if (typed.value.trim() !== connection.name) {
          typed.focus();
          refuse('The name does not match.');
        }
        await ask(operation, { id });
        if (operation === 'Delete') location.hash = '#/connections';
        else await read();
        say(operation === 'Delete' ? 'Deleted.' : 'Disconnected.');
      },
      'danger',
    );
    form.querySelector('input').focus();
  }

  function tokensBlock(one) {
    const usable = one.tokens.filter(token => !token.revokedAt && !(new Date(token.expiresAt ?? Infinity) <= Date.now()));
    return h(
      'section',
      { class: 'card' },
      h('div', { class: 'top' }, h('h2', {}, 'API tokens'), one.status !== 'DISCONNECTED' && button('Rotate', rotate)),
      table(
        [
          { title: 'Token', cell: token => [h('code', {}, `${token.prefix}…`), h('span', { class: 'under' }, token.name)] },
          { title: 'Last used', wide: true, cell: token => time(token.lastUsedAt, 'never') },
          { title: 'Ends', cell: token => time(token.expiresAt, 'never') },
          { title: h('span', { class: 'unseen' }, 'Revoke'), cell: token => h('button', { type: 'button', onclick: () => revoke(token), 'aria-label': `Revoke ${token.name}` }, 'Revoke') },
        ],
        usable,
        { label: 'API tokens', empty: 'No token is valid.' },
      ),
    );
  }

  function rotate() {
    const grace = select(GRACES);
    formDialog('Rotate the token', [h('p', { class: 'soft' }, 'A new token is made and shown once.'), field('The old ones end', grace)], 'Rotate', async () => {
      const { rotateConnectionToken: made } = await ask('RotateToken', { connectionId: id, graceSeconds: Number(grace.value) });
      read();
      return [h('p', {}, 'The new token. It is not shown again.'), takeAway('New token', made.secret)];
    });
  }

  function revoke(token) {
    formDialog(
      'Revoke the token?',
      [h('p', {}, 'Everything that calls with ', h('code', {}, `${token.prefix}…`), ' is refused at once.')],
      'Revoke',
      async () => {
        await ask('RevokeToken', { id: token.id });
        say('Revoked.');
        await read();
      },
      'danger',
    );
  }

  // A dialog or a report that is open stays: only what stands behind it is drawn again.
  let reading;
  function onEvent(event) {
    if (event.connectionId !== id) return;
    clearTimeout(reading);
    reading = setTimeout(() => {
      reload();
    }, 150);
  }
  function reload() {
    read();
    writes.read();
    history.restart();
  }
  reload();
  const end = () => {
    clearTimeout(reading);
    writes.end();
  };
  return { title: 'Connection', element: h('section', {}, back('#/connections', 'Connections'), problem, body), onEvent, reload, end };
}

const EVENT_COLUMNS = [
  { title: 'When', cell: event => time(event.createdAt) },
  { title: 'What', cell: event => [h('code', {}, event.type), event.type.startsWith('write.') ? written(event.data) : details(event.data)] },
  { title: 'No.', wide: true, cell: event => event.sequence },
];

/** Names the write that an event tells of; what else is known of it stands on the page of the write. */
const written = ({ writeId, errorCode, idempotencyKey, ...data }) => [h('span', { class: 'under' }, toWrite(writeId, what(data))), details({ errorCode, idempotencyKey })];

/** Shows a JSON object as words. */
export function details(data) {
  const entries = Object.entries(data ?? {}).filter(([, value]) => value !== null && value?.length !== 0);
  if (!entries.length) return null;
  const shown = value => {
    if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return exact(value);
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  };
  return h('dl', { class: 'pairs' }, entries.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, shown(value)))));
}

/** Shows facts as a list of names and values; facts without a value are left out. */
export const facts = pairs => h('dl', { class: 'facts' }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== false).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));

function statusBlock(one) {
  const until = (state, at) => [badge(state), at && [' until ', time(at)]];
  return h(
    'section',
    { class: 'card' },
    h('h2', {}, 'Status'),
    facts([
      ['Status', [badge(one.status), why(one)]],
      ['Since', time(one.statusSince)],
      ['Last success', time(one.lastSuccessAt, 'never')],
      ['Last error', one.lastErrorAt ? [time(one.lastErrorAt), one.lastError && h('span', { class: 'under' }, h('code', {}, one.lastError.code), ' ', one.lastError.message)] : 'none'],
      ['Credentials end', time(one.credentialsExpireAt, 'not known')],
      ['Next check', time(one.nextCheckAt, 'none')],
      ['Circuit', until(one.circuit?.state ?? 'CLOSED', one.circuit?.openUntil)],
      ['Rate limit', one.rateLimit?.limited ? until('RATE_LIMITED', one.rateLimit.until) : 'none'],
      ['Account', one.account ?? 'not known'],
      ['Credits', String(one.credits ?? 0)],
      ['Created', time(one.createdAt)],
      ['Disconnected', one.disconnectedAt && time(one.disconnectedAt)],
      ['Id', h('code', {}, one.id)],
    ]),
  );
}

function healthBlock(one) {
  return h(
    'section',
    { class: 'card' },
    h('h2', {}, 'Entities'),
    table(
      [
        { title: 'Entity', cell: row => row.entity },
        { title: 'State', cell: row => [badge(row.status), row.message && h('span', { class: 'why' }, row.message)] },
        { title: 'Last success', wide: true, cell: row => time(row.lastSuccessAt, 'never') },
      ],
      one.entityHealth ?? [],
      { label: 'Entities', empty: 'Nothing was read yet.' },
    ),
  );
}

function diagnosisStep(step) {
  const state = String(step.state).toLowerCase();
  const mark = ['ok', 'warning', 'failed'].includes(state) ? icon(state) : '–';
  return h(
    'li',
    { class: state },
    h('span', { class: 'mark' }, mark),
    h('span', { class: 'what' }, h('b', {}, step.label ?? step.entity ?? step.name), h('span', { class: 'unseen' }, `: ${state}`), step.detail && h('span', { class: 'under' }, prose(step.detail)), step.advice && h('span', { class: 'advice' }, prose(step.advice))),
    h('span', { class: 'soft' }, step.latencyMs !== null && step.latencyMs !== undefined ? `${Math.round(step.latencyMs)} ms` : ''),
  );
}
