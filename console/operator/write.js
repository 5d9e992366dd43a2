// One write: what was sent, what came of it, and the way to settle it when that is not known.
import { ask } from './api.js';
import { facts } from './connection.js';
import { fill, h, prose, sentence } from '../connect/dom.js';
import { back, button, exact, field, formDialog, load, notice, say, text, time } from './ui.js';
import { caller, connectionLink, duration, lastLog, logHref, outcome, what } from './writes.js';

const NEWS_MS = 3000;
const ENDED = ['SUCCEEDED', 'FAILED'];

export function writeView(id) {
  const body = h('div');
  let write = null;
  let shown = '';

  async function read() {
    await load(body, async () => {
      ({ write } = await ask('Write', { id }));
      shown = JSON.stringify(write);
      return write ? draw() : notice('warn', h('p', {}, 'There is no such write: the log is kept for some time only.'));
    });
  }
  async function freshen() {
    const answer = await ask('Write', { id }).catch(() => null);
    if (!answer || JSON.stringify(answer.write) === shown) return;
    ({ write } = answer);
    shown = JSON.stringify(write);
    fill(body, write && draw());
  }

  function draw() {
    const one = write;
    return [
      h('h1', {}, what(one), ' ', outcome(one)),
      h('p', { class: 'soft' }, connectionLink(one), ' · asked for by ', caller(one), ' ', time(one.createdAt)),
      one.state === 'IN_DOUBT' && doubt(one),
      one.state === 'FAILED' && failure(one),
      one.warnings.length > 0 && notice('warn', h('p', {}, 'Worth knowing:'), h('ul', {}, one.warnings.map(warning => h('li', {}, prose(sentence(warning)))))),
      h('div', { class: 'columns' }, about(one), times(one)),
      h('h2', {}, one.simulated ? 'What would be sent' : 'What was sent'),
      sent(one),
    ];
  }

  function doubt(one) {
    return notice(
      'warn',
      h('h2', {}, 'It is not known whether the system carried it out'),
      h('p', {}, 'A request left the server, and no answer came that tells its outcome', one.errorMessage && [': ', h('q', {}, one.errorMessage)], '. The server never sends it again by itself, so that nothing is done twice.'),
      h('p', {}, looks(one)),
      h('p', {}, LOOK[one.operation] ?? 'Look in the system whether the status of the record has changed', ', and tell what you found:'),
      h('div', { class: 'actions' }, button('It was carried out', () => settle('SUCCEEDED'), 'main'), button('It was not carried out', () => settle('FAILED'))),
    );
  }

  function settle(verdict) {
    const one = write;
    const isDone = verdict === 'SUCCEEDED';
    const remoteId = isDone && one.operation === 'create' ? text({ value: one.remoteId ?? '', autocapitalize: 'none' }) : null;
    const key = one.idempotencyKey && h('code', {}, one.idempotencyKey);
    const follows = isDone
      ? ['The write counts as succeeded.', key ? ['Its idempotency key ', key, ' stays used: the same request sent again is answered with this outcome, and nothing is sent.'] : 'Nothing is sent to the system.']
      : [
          'The write counts as failed. Nothing is undone in the system.',
          key ? ['Its idempotency key ', key, ' is free again: the same request sent once more is carried out.'] : 'Whoever asked for it may send it once more.',
          'If the system did carry it out after all, it is then done twice.',
        ];
    const form = formDialog(
      isDone ? 'It was carried out?' : 'It was not carried out?',
      [
        h('p', {}, 'What follows:'),
        h('ul', {}, follows.map(line => h('li', {}, line)), h('li', {}, 'Your backend is told by the event ', h('code', {}, isDone ? 'write.succeeded' : 'write.failed'), '.'), h('li', {}, 'This cannot be taken back.')),
        remoteId && field('Id of the new record in the system (optional)', remoteId, 'With it the record can be read by its id from then on.'),
      ],
      isDone ? 'Mark as succeeded' : 'Mark as failed',
      async () => {
        await ask('SettleWrite', { id, verdict, remoteId: remoteId?.value.trim() || null });
        say('Settled.');
        await read();
      },
      isDone ? 'main' : 'danger',
    );
    form.querySelector('input, form button').focus();
  }

  let reading;
  function onEvent(event) {
    if (event.data?.writeId !== id) return;
    clearTimeout(reading);
    reading = setTimeout(freshen, 150);
  }
  const pulse = setInterval(() => document.hidden || !write || ENDED.includes(write.state) || freshen(), NEWS_MS);
  read();
  return {
    title: 'Write',
    element: h('section', {}, back(lastLog(), 'Writes'), body),
    onEvent,
    reload: read,
    end() {
      clearTimeout(reading);
      clearInterval(pulse);
    },
  };
}

const LOOK = {
  create: 'Look in the system whether the record is there',
  update: 'Look in the system whether the record has the values that were sent',
  delete: 'Look in the system whether the record is still there',
};

function looks({ lookUps, dueAt }) {
  const times = lookUps === 1 ? 'once' : `${lookUps} times`;
  const sofar = lookUps === 0 ? 'The server has not looked in the system yet.' : `The server has looked in the system ${times}, and that did not tell.`;
  return dueAt ? [sofar, ' Next look: ', time(dueAt)] : [sofar, ' It looks no more: the write waits for you.'];
}

function failure(one) {
  const rest = [one.errorMessage && h('p', {}, prose(sentence(one.errorMessage))), one.errorCode && h('p', { class: 'soft' }, h('code', {}, one.errorCode))];
  return notice(
    'bad',
    h('h2', {}, 'Nothing was carried out'),
    one.userErrors.length > 0 ? h('ul', { class: 'wrong' }, one.userErrors.map(userError)) : rest,
  );
}

const userError = error =>
  h(
    'li',
    {},
    h('p', {}, error.path.length > 0 && [h('code', {}, h('b', {}, error.path.join('.'))), ' · '], h('code', {}, error.code)),
    error.message !== error.remoteMessage && h('p', {}, prose(sentence(error.message))),
    (error.remoteMessage || error.remoteCode) &&
      h('p', {}, 'The system says: ', error.remoteMessage && h('q', {}, error.remoteMessage), error.remoteCode && [' ', h('code', {}, error.remoteCode)]),
  );

const SETTLED = { look_up: 'by the server, which looked in the system', answer: 'by the answer, which came late' };

const STANDS = {
  QUEUED: 'waits for its turn; nothing was sent',
  RUNNING: 'prepared; nothing was sent that changes anything',
  SENDING: 'a request that changes something may have left',
};

function about(one) {
  return h(
    'section',
    { class: 'card' },
    h('h2', {}, 'About it'),
    facts([
      ['Stands at', STANDS[one.state]],
      ['Settled', one.settledBy && (SETTLED[one.settledBy] ?? `by ${one.settledBy}, who told`)],
      ['Record in the system', one.remoteId ? h('code', {}, one.remoteId) : 'not known'],
      ['Id of the record', one.recordId && h('code', {}, one.recordId)],
      ['Connection', connectionLink(one)],
      ['Asked for by', [caller(one), one.actor.name && h('span', { class: 'under' }, one.actor.kind.toLowerCase())]],
      ['Caller', one.mode === 'ASYNC' ? 'does not wait; events tell the outcome' : 'waits for the outcome'],
      ['Idempotency key', one.idempotencyKey ? h('code', {}, one.idempotencyKey) : one.state === 'FAILED' ? 'none, or free again' : 'none'],
      ['Batch', one.batchId && h('a', { href: logHref({ batch: one.batchId }) }, one.batchId)],
    ]),
  );
}

function times(one) {
  return h(
    'section',
    { class: 'card' },
    h('h2', {}, 'Times'),
    facts([
      ['Asked for', exact(one.createdAt)],
      ['Sent', one.sentAt ? exact(one.sentAt) : 'nothing was sent that changes anything'],
      ['Outcome known', one.finishedAt ? exact(one.finishedAt) : 'not yet'],
      ['Took', one.finishedAt && duration(one.durationMs)],
      ['Last step', one.step && h('code', {}, one.step)],
      ['Looked up', one.lookUps > 0 && (one.lookUps === 1 ? 'once' : `${one.lookUps} times`)],
      [one.state === 'IN_DOUBT' ? 'Next look' : 'Due', one.dueAt && time(one.dueAt)],
      ['Request', one.requestId && h('code', {}, one.requestId)],
      ['Id', h('code', {}, one.id)],
    ]),
  );
}

const pretty = body => (typeof body === 'string' ? body : JSON.stringify(body, null, 2));

function sent(one) {
  if (!one.requests.length) return h('p', { class: 'empty' }, ENDED.includes(one.state) ? 'Nothing was sent.' : 'Nothing was sent yet.');
  return [
    h('p', { class: 'help' }, 'Secrets are replaced.'),
    one.requests.map((request, index) =>
      h(
        'section',
        { class: 'card request', 'aria-label': `Request ${index + 1}` },
        h('h3', {}, one.requests.length > 1 ? `${index + 1}. ` : '', request.step || 'Request'),
        h('p', {}, h('span', { class: 'badge' }, request.method), ' ', h('code', {}, request.url)),
        request.headers.length > 0 &&
          h('details', {}, h('summary', {}, request.headers.length === 1 ? '1 header' : `${request.headers.length} headers`), h('pre', { tabindex: '0' }, request.headers.map(({ name, value }) => `${name}: ${value}`).join('\n'))),
        request.body !== null && request.body !== undefined ? h('pre', { tabindex: '0', 'aria-label': 'Body' }, pretty(request.body)) : h('p', { class: 'soft' }, 'Without a body.'),
      ),
    ),
  ];
}
