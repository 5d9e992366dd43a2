// Webhooks: endpoints, their secrets, the log of deliveries, and sending again.
import { ask } from './api.js';
import { facts } from './connection.js';
import { fill, h } from '../connect/dom.js';
import { DELIVERY_STATES, EVENT_TYPES } from './queries.js';
import { act, back, badge, button, check, exact, field, formDialog, load, notice, pages, say, select, table, takeAway, text, time, toConnection } from './ui.js';

const PAGE = 50;

function state(endpoint) {
  if (!endpoint.enabled) return [badge('DISABLED'), endpoint.disabledReason && h('span', { class: 'why' }, endpoint.disabledReason)];
  if (endpoint.failingSince) return [badge('FAILED'), h('span', { class: 'why' }, 'failing since ', time(endpoint.failingSince))];
  return badge('ACTIVE');
}

export function webhooksView() {
  const list = h('div');
  async function read() {
    await load(list, async () => {
      const { webhookEndpoints } = await ask('WebhookEndpoints');
      return table(ENDPOINT_COLUMNS, webhookEndpoints, { label: 'Webhook endpoints', empty: 'No endpoint yet. Add the address of your server, and it is told what happens.' });
    });
  }
  read();
  return {
    title: 'Webhooks',
    element: h('section', {}, h('div', { class: 'top' }, h('h1', {}, 'Webhooks'), button('Add an endpoint', () => edit(null, read), 'main')), list),
    onEvent: event => event.type === 'webhook.disabled' && read(),
    reload: read,
  };
}

const ENDPOINT_COLUMNS = [
  { title: 'Address', cell: row => [h('a', { href: `#/webhooks/${row.id}` }, row.url), row.description && h('span', { class: 'under' }, row.description)] },
  { title: 'State', cell: state },
  { title: 'Events', wide: true, cell: row => (row.types?.length ? `${row.types.length} types` : 'all') },
  { title: 'Order', wide: true, cell: row => (row.ordered ? 'by connection' : 'any') },
];

const secretNote = secret => [h('p', {}, 'The secret that signs the deliveries. It is not shown again.'), takeAway('Secret', secret)];

/** Asks for an endpoint, a new one or one that is there, and reads again. */
function edit(endpoint, then) {
  const url = text({ type: 'url', placeholder: 'https://', value: endpoint?.url ?? '' });
  const description = text({ value: endpoint?.description ?? '' });
  const connection = text({ value: endpoint?.connectionId ?? '', disabled: Boolean(endpoint) });
  const ordered = check('Deliver the events of one connection in order', { checked: endpoint?.ordered ?? false });
  const types = EVENT_TYPES.map(type => check(type, { value: type, checked: endpoint?.types?.includes(type) ?? false }));
  formDialog(
    endpoint ? 'Edit the endpoint' : 'Add an endpoint',
    [
      field('Address', url),
      field('Description', description),
      field('Only this connection (optional)', connection, 'Id of the connection; empty for all of the organization.'),
      h('div', { class: 'field' }, ordered),
      h('fieldset', {}, h('legend', {}, 'Events'), h('p', { class: 'help' }, 'Without a choice all are delivered.'), h('div', { class: 'boxes' }, types)),
    ],
    endpoint ? 'Save' : 'Add',
    async () => {
      const chosen = types.map(one => one.querySelector('input')).filter(box => box.checked);
      const input = {
        url: url.value.trim(),
        description: description.value.trim(),
        types: chosen.length ? chosen.map(box => box.value) : null,
        ordered: ordered.querySelector('input').checked,
      };
      if (endpoint) {
        await ask('UpdateWebhookEndpoint', { input: { id: endpoint.id, ...input } });
        await then();
        return undefined;
      }
      if (connection.value.trim()) input.connectionId = connection.value.trim();
      const { createWebhookEndpoint: made } = await ask('CreateWebhookEndpoint', { input });
      await then();
      return secretNote(made.secret);
    },
  );
}

export function endpointView(id) {
  const head = h('div');
  const problem = h('div');
  let endpoint = null;
  const filter = { state: '', type: '' };
  const list = pages(
    async before => {
      const one = value => (value ? [value] : null);
      const { webhookDeliveries: page } = await ask('WebhookDeliveries', { filter: { endpointId: id, states: one(filter.state), types: one(filter.type) }, first: PAGE, before });
      return { nodes: page.nodes, cursor: page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null };
    },
    rows => table(DELIVERY_COLUMNS, rows, { label: 'Deliveries', empty: 'No delivery fits.' }),
  );

  async function read() {
    await load(head, async () => {
      ({ webhookEndpoint: endpoint } = await ask('WebhookEndpoint', { id }));
      return endpoint ? draw() : notice('warn', h('p', {}, 'There is no such endpoint.'));
    });
  }

  const run = (operation, variables, said) => event =>
    act(event.currentTarget, problem, async () => {
      await ask(operation, variables);
      say(said);
      await Promise.all([read(), list.restart()]);
    });

  function draw() {
    const one = endpoint;
    return [
      h(
        'div',
        { class: 'top' },
        h('div', {}, h('h1', { class: 'long' }, one.url), one.description && h('p', { class: 'soft' }, one.description)),
        h('div', { class: 'actions' }, [
          button('Send a test', run('SendTestEvent', { endpointId: id }, 'The test is on its way.')),
          button('Edit', () => edit(one, read)),
          button(one.enabled ? 'Disable' : 'Enable', one.enabled ? run('UpdateWebhookEndpoint', { input: { id, enabled: false } }, 'Disabled.') : enable, one.enabled ? '' : 'main'),
          button('Rotate the secret', rotate),
          button('Replay', () => replay()),
          button('Delete', remove, 'danger'),
        ]),
      ),
      h(
        'section',
        { class: 'card' },
        facts([
          ['State', state(one)],
          ['Events', one.types?.length ? one.types.join(', ') : 'all'],
          ['Connection', one.connectionId ? toConnection(one.connectionId) : 'all'],
          ['Order', one.ordered ? 'by connection' : 'any'],
          ['Added', time(one.createdAt)],
        ]),
      ),
    ];
  }

  async function enable(event) {
    await act(event.currentTarget, problem, async () => {
      const { missed } = (await ask('UpdateWebhookEndpoint', { input: { id, enabled: true } })).updateWebhookEndpoint;
      say('Enabled.');
      await read();
      if (missed) replay(new Date(missed.since), `While it was switched off it missed ${missed.count === 1 ? '1 event' : `${missed.count} events`}. A replay brings them.`);
    });
  }

  function rotate() {
    const overlap = select([['86400', 'after 24 hours'], ['3600', 'after 1 hour'], ['0', 'at once']]);
    formDialog('Rotate the secret', [h('p', { class: 'soft' }, 'Until the old secret ends, deliveries carry a signature of each.'), field('The old one ends', overlap)], 'Rotate', async () => {
      const { rotateWebhookSecret: made } = await ask('RotateWebhookSecret', { endpointId: id, overlapSeconds: Number(overlap.value) });
      read();
      return [secretNote(made.secret), h('p', { class: 'soft' }, `Old secrets sign until ${exact(made.oldSecretsEndAt)}.`)];
    });
  }

  function replay(since = new Date(Date.now() - 86400000), told = null) {
    const local = at => new Date(at - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 16);
    const from = h('input', { type: 'datetime-local', value: local(Math.floor(since / 60000) * 60000) });
    const to = h('input', { type: 'datetime-local', value: local(Date.now() + 60000) });
    const onlyMissing = check('Only those that were not delivered yet', { checked: Boolean(told) });
    formDialog('Replay events', [told && h('p', {}, told), h('p', { class: 'soft' }, 'Events of this time that the endpoint listens to are delivered again, with their old ids.'), onlyMissing, h('div', { class: 'pair' }, field('From', from), field('To', to))], 'Replay', async () => {
      const { replayWebhooks: made } = await ask('ReplayWebhooks', { endpointId: id, from: new Date(from.value).toISOString(), to: new Date(to.value).toISOString(), undeliveredOnly: onlyMissing.querySelector('input').checked });
      list.restart();
      say(`${made.count === 1 ? '1 event is' : `${made.count} events are`} on the way${made.skipped ? `, ${made.skipped} left out` : ''}.`);
    });
  }

  function remove() {
    formDialog('Delete the endpoint?', [h('p', {}, 'What is still to be delivered to it is dropped. This cannot be undone.')], 'Delete', async () => {
      await ask('DeleteWebhookEndpoint', { id });
      location.hash = '#/webhooks';
    }, 'danger');
  }

  const narrow = name => event => {
    filter[name] = event.target.value;
    list.restart();
  };
  const filters = h(
    'form',
    { class: 'filters', role: 'search', onsubmit: event => event.preventDefault() },
    field('State', select([['', 'All'], ...DELIVERY_STATES.map(one => [one, one.toLowerCase()])], { onchange: narrow('state') })),
    field('Event', select([['', 'All'], ...EVENT_TYPES.map(one => [one, one])], { onchange: narrow('type') })),
    h('div', { class: 'field' }, button('Refresh', () => list.restart())),
  );
  read();
  list.restart();
  // A delivery follows its event within moments.
  let wait;
  const later = () => (clearTimeout(wait), (wait = setTimeout(() => list.rows().length <= PAGE && list.restart(), 1500)));
  return {
    title: 'Webhook',
    element: h('section', {}, back('#/webhooks', 'Webhooks'), problem, head, h('h2', {}, 'Deliveries'), filters, list.element),
    onEvent: event => (event.type === 'webhook.disabled' ? read() : later()),
    reload: () => (read(), list.restart()),
    end: () => clearTimeout(wait),
  };
}

const DELIVERY_COLUMNS = [
  { title: 'When', cell: row => h('a', { href: `#/deliveries/${row.id}` }, time(row.createdAt)) },
  { title: 'Event', cell: row => h('code', {}, row.type) },
  { title: 'State', cell: row => [badge(row.state), row.nextAttemptAt && row.state === 'PENDING' && h('span', { class: 'why' }, 'next attempt ', time(row.nextAttemptAt))] },
  { title: 'Attempts', wide: true, cell: row => row.attemptCount },
];

export function deliveryView(id) {
  const body = h('div');
  const problem = h('div');
  async function read() {
    await load(body, async () => {
      const { webhookDelivery } = await ask('WebhookDelivery', { id });
      return webhookDelivery ? draw(webhookDelivery) : notice('warn', h('p', {}, 'There is no such delivery; old ones are removed.'));
    });
  }
  const again = event =>
    act(event.currentTarget, problem, async () => {
      await ask('RedeliverWebhook', { deliveryId: id });
      say('It is on its way again.');
      await read();
    });
  function draw(one) {
    return [
      back(`#/webhooks/${one.endpointId}`, 'Deliveries'),
      h('div', { class: 'top' }, h('h1', {}, one.type, ' ', badge(one.state)), h('div', { class: 'actions' }, button('Refresh', read), button('Deliver again', again, 'main'))),
      h(
        'section',
        { class: 'card' },
        facts([
          ['Created', exact(one.createdAt)],
          ['Finished', one.finishedAt ? exact(one.finishedAt) : 'not yet'],
          ['Next attempt', one.nextAttemptAt && time(one.nextAttemptAt)],
          ['Connection', one.connectionId && toConnection(one.connectionId)],
          ['Delivery', h('code', {}, one.id)],
        ]),
        h('h2', {}, 'Request'),
        block(pretty(one.body), 'Body of the request'),
      ),
      h('h2', {}, 'Attempts'),
      one.attempts.length === 0 && h('p', { class: 'empty' }, 'None yet.'),
      one.attempts.toSorted((a, b) => b.number - a.number).map(attempt),
    ];
  }
  function attempt(one, index) {
    const isGood = one.status >= 200 && one.status < 300;
    return h(
      'details',
      { class: 'card', open: index === 0 },
      h('summary', {}, `Attempt ${one.number} `, h('span', { class: `badge ${isGood ? 'good' : 'bad'}` }, one.status ?? 'no answer'), h('span', { class: 'soft' }, ` ${exact(one.startedAt)}, ${one.durationMs} ms`)),
      one.error && h('p', { class: 'bad' }, one.error),
      h('h3', {}, 'Request headers'),
      block(headers(one.requestHeaders), 'Request headers'),
      one.responseHeaders && [h('h3', {}, 'Response headers'), block(headers(one.responseHeaders), 'Response headers')],
      one.responseBody && [h('h3', {}, 'Response'), block(pretty(one.responseBody), 'Response')],
    );
  }
  read();
  return { title: 'Delivery', element: h('section', {}, problem, body), reload: read };
}

const block = (content, label) => h('pre', { tabindex: '0', role: 'region', 'aria-label': label }, content);
const headers = given => Object.entries(given ?? {}).map(([name, value]) => `${name}: ${value}`).join('\n');

function pretty(body) {
  try {
    return JSON.stringify(typeof body === 'string' ? JSON.parse(body) : body, null, 2);
  } catch {
    return String(body);
  }
}
