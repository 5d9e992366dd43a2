// Talks to the API: queries and mutations over HTTP, the feed of events over graphql-transport-ws.
import { FEED, QUERIES } from './queries.js';

const KEY = 'lineshaft.console.key';

let held = null;

export const key = () => held ?? sessionStorage.getItem(KEY);
/** Sets a token that is not kept in the tab. */
export const hold = text => (held = text);
export const keep = text => sessionStorage.setItem(KEY, text);
export const forget = () => sessionStorage.removeItem(KEY);

/** A refusal of the API, with its stable code; `NO_ANSWER` when there was none. */
export class ApiError extends Error {
  constructor(code, message, extensions = {}) {
    super(message);
    this.code = code;
    this.problems = extensions.problems ?? [];
  }
}

const listeners = { signedOut: () => {} };
/** Sets who hears that the key is no longer taken. */
export const onSignedOut = listener => (listeners.signedOut = listener);

/** Runs one of the operations. Fields that failed beside others that did not are an error too. */
export async function ask(operationName, variables = {}) {
  let response;
  try {
    response = await fetch('/graphql', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json',
        authorization: `Bearer ${key()}`,
      },
      body: JSON.stringify({ operationName, query: QUERIES[operationName], variables }),
    });
  } catch {
    throw new ApiError('NO_ANSWER', 'The server does not answer.');
  }
  const answer = await response.json().catch(() => ({}));
  const first = answer.errors?.[0];
  if (response.status === 401 || first?.extensions?.code === 'UNAUTHENTICATED') {
    listeners.signedOut();
    throw new ApiError('UNAUTHENTICATED', 'The key is not accepted.');
  }
  if (first) throw new ApiError(first.extensions?.code ?? 'ERROR', first.message, first.extensions);
  if (!response.ok || !answer.data) throw new ApiError('NO_ANSWER', `The server answered with status ${response.status}.`);
  return answer.data;
}

const PING_MS = 25000;
const SILENCE_MS = 60000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 20000;

/**
 * Follows the feed until `close` is called. After a cut it goes on behind the last event, so nothing is missed and
 * nothing comes twice; where it cannot, `onGap` is told to read again.
 */
export function follow({ onEvent, onState, onGap }) {
  let socket = null;
  let cursor = null;
  let isFirst = true;
  let isClosed = false;
  let failures = 0;
  let wait = null;
  let pulse = null;

  function open() {
    onState('connecting');
    socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws');
    let heard = Date.now();
    const own = socket;
    const send = message => own.readyState === WebSocket.OPEN && own.send(JSON.stringify(message));
    own.onopen = () => send({ type: 'connection_init', payload: { authorization: `Bearer ${key()}` } });
    own.onmessage = ({ data }) => {
      heard = Date.now();
      const message = JSON.parse(data);
      if (message.type === 'ping') send({ type: 'pong' });
      else if (message.type === 'connection_ack') {
        failures = 0;
        send({ id: 'feed', type: 'subscribe', payload: { operationName: 'Feed', query: FEED, variables: { after: cursor } } });
        onState('live');
        // Without a cursor there is no place to go on from.
        if (!isFirst && cursor === null) onGap();
        isFirst = false;
      } else if (message.type === 'next') take(message.payload);
      else if (message.type === 'error') refuse(message.payload?.[0]);
      else if (message.type === 'complete') own.close(1000);
    };
    own.onclose = ({ code }) => {
      clearInterval(pulse);
      if (isClosed || own !== socket) return;
      if (code === 4401 || code === 4403) return listeners.signedOut();
      again();
    };
    clearInterval(pulse);
    pulse = setInterval(() => {
      if (Date.now() - heard > SILENCE_MS) own.close(4000);
      else send({ type: 'ping' });
    }, PING_MS);
  }
  function take(payload) {
    const event = payload.data?.events;
    if (payload.errors?.length) refuse(payload.errors[0]);
    if (!event) return;
    cursor = event.cursor;
    onEvent(event);
  }
  function refuse(error) {
    if (error?.extensions?.code === 'UNAUTHENTICATED') return listeners.signedOut();
    // The cursor is too old or of another server: the views read again, and the feed starts from now.
    if (cursor !== null) {
      cursor = null;
      onGap();
    }
    socket.close(1000);
  }
  function again() {
    onState('waiting');
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
    failures += 1;
    wait = setTimeout(open, longest / 2 + (Math.random() * longest) / 2);
  }
  const hurry = () => {
    if (isClosed || ![WebSocket.CLOSED, WebSocket.CLOSING].includes(socket.readyState)) return;
    clearTimeout(wait);
    failures = 0;
    open();
  };
  window.addEventListener('online', hurry);
  open();
  return {
    close() {
      isClosed = true;
      clearTimeout(wait);
      clearInterval(pulse);
      window.removeEventListener('online', hurry);
      socket.close(1000);
    },
  };
}
