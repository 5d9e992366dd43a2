// Talks to the server about one link: its state, connectors, tries. Nothing else is ever asked of anybody.

const BASE = location.pathname.replace(/\/+$/, '');

/** An answer that is no success, with what the server told; `status` is 0 when there was no answer. */
export class Refusal extends Error {
  constructor(status, body) {
    super(body?.message ?? `status ${status}`);
    this.status = status;
    this.body = body ?? {};
  }
}

async function send(path, options = {}) {
  let response;
  try {
    response = await fetch(BASE + path, {
      credentials: 'same-origin',
      cache: 'no-store',
      ...options,
      headers: { accept: 'application/json, application/x-ndjson', ...options.headers },
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refusal(0);
  }
  if (response.ok) return response;
  throw new Refusal(response.status, await response.json().catch(() => null));
}

const post = (path, body, signal) =>
  send(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-lineshaft-page': '1' },
    body: JSON.stringify(body),
    signal,
  });

export const state = async () => (await send('/state')).json();
export const connector = async id => (await send(`/connectors/${encodeURIComponent(id)}`)).json();
export const authorize = async form => (await post('/authorize', form)).json();
/** Exchanges a link to settings for a token. */
export const enter = async () => (await post('/settings', {})).json();
export const cancel = async () => (await post('/cancel', {})).json();

/** Tries a form; `onStep` hears each step. Returns the last line: `{done}` or `{failed}`. */
export async function attempt(form, signal, onStep) {
  let response;
  try {
    response = await post('/try', form, signal);
  } catch (error) {
    const told = error instanceof Refusal && (error.body.failed ?? (error.body.code && error.body));
    // A link that has ended is no failed try.
    if (told && ![404, 410].includes(error.status)) return { failed: told };
    throw error;
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      const lines = (rest + (value ?? '')).split('\n');
      rest = done ? '' : lines.pop();
      for (const line of lines.filter(text => text.trim())) {
        const message = JSON.parse(line);
        if (message.step) onStep(message.step);
        else if (message.done || message.failed) return message;
      }
      if (done) break;
    }
  } catch (error) {
    if (error.name === 'AbortError') throw error;
  }
  // The stream broke off. What became of the try is in the state of the link.
  throw new Refusal(0);
}
