// The playground: GraphiQL with a field for the API token. It talks to this server only.
import { StrictMode, useEffect, useMemo, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import './playground.css';

const TOKEN = 'lineshaft.token';

// The token comes once in the fragment of the address, which browsers do not send to servers. It is
// kept for this tab only and taken out of the address, so that it does not stay in the history.
function firstToken() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const given = fragment.get('token');
  if (given) {
    sessionStorage.setItem(TOKEN, given);
    history.replaceState(null, '', location.pathname);
  }
  return { token: given ?? sessionStorage.getItem(TOKEN) ?? '', fresh: given !== null };
}

// GraphiQL remembers its tabs. A token from the address begins a new visit: it shows the examples again.
function storageFor(fresh) {
  if (fresh) {
    for (const key of ['tabState', 'query', 'variables', 'headers', 'operationName']) {
      localStorage.removeItem(`graphiql:${key}`);
    }
  }
  return localStorage;
}

function fetcherFor(token) {
  return async (request, options) => {
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    if (token) headers.authorization = `Bearer ${token}`;
    Object.assign(headers, options?.headers);
    const response = await fetch('/graphql', { method: 'POST', headers, body: JSON.stringify(request) });
    return response.json();
  };
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
      <path d="M3 16h26" stroke="currentColor" strokeWidth="3" strokeLinecap="round" />
      <circle cx="8" cy="16" r="4.5" fill="var(--page)" stroke="currentColor" strokeWidth="3" />
      <circle cx="17.5" cy="16" r="7.5" fill="var(--page)" stroke="currentColor" strokeWidth="3" />
      <circle cx="26" cy="16" r="3" fill="var(--page)" stroke="currentColor" strokeWidth="3" />
    </svg>
  );
}

function Bar({ token, onToken, state }) {
  const [shown, setShown] = useState(false);
  return (
    <header className="bar">
      <a className="brand" href="/">
        <Mark />
        <span>Lineshaft</span>
      </a>
      <form className="token" onSubmit={event => event.preventDefault()}>
        <label htmlFor="token">API token</label>
        <input
          id="token"
          type={shown ? 'text' : 'password'}
          value={token}
          onChange={event => onToken(event.target.value.trim())}
          placeholder="lsk_… or lsc_…"
          spellCheck="false"
          autoComplete="off"
          aria-describedby="token-state"
        />
        <button type="button" onClick={() => setShown(!shown)}>
          {shown ? 'Hide' : 'Show'}
        </button>
      </form>
      <span id="token-state" className={`state ${state.kind}`} role="status">
        {state.text}
      </span>
    </header>
  );
}

const STATES = {
  missing: { kind: 'wait', text: 'Paste a token: lineshaft token create' },
  trying: { kind: 'wait', text: 'Trying the token …' },
  good: { kind: 'good', text: 'Token accepted' },
  bad: { kind: 'bad', text: 'The server does not accept this token' },
  down: { kind: 'bad', text: 'The server does not answer' },
};

function Playground({ initial, examples }) {
  const [token, setToken] = useState(initial.token);
  const [tried, setTried] = useState({ token: '', state: STATES.missing });
  const fetcher = useMemo(() => fetcherFor(tried.token), [tried.token]);
  const storage = useMemo(() => storageFor(initial.fresh), [initial.fresh]);

  useEffect(() => {
    if (!token) {
      setTried({ token, state: STATES.missing });
      return;
    }
    const wait = setTimeout(async () => {
      sessionStorage.setItem(TOKEN, token);
      let state = STATES.down;
      try {
        const answer = await fetcherFor(token)({ query: '{ __typename }' });
        state = answer.data ? STATES.good : STATES.bad;
      } catch {
        // The server is not there; the state says so.
      }
      setTried({ token, state });
    }, 250);
    return () => clearTimeout(wait);
  }, [token]);

  const state = token === tried.token ? tried.state : STATES.trying;
  const ready = tried.state === STATES.good;
  return (
    <>
      <Bar token={token} onToken={setToken} state={state} />
      <main>
        {ready ? (
          <GraphiQL
            key={tried.token}
            fetcher={fetcher}
            storage={storage}
            defaultTabs={examples}
            defaultEditorToolsVisibility={false}
            showPersistHeadersSettings={false}
          >
            <GraphiQL.Logo>
              <span />
            </GraphiQL.Logo>
          </GraphiQL>
        ) : (
          <section className="empty">
            <h1>{tried.state === STATES.bad ? 'This token is not accepted' : 'Paste an API token to begin'}</h1>
            <p>
              A token speaks for one organization, or for one of its connections. The operator of this server makes
              one with
            </p>
            <pre>lineshaft token create --organization ORGANIZATION --name playground</pre>
            <p>It stays in this browser tab and goes nowhere but to this server.</p>
          </section>
        )}
      </main>
    </>
  );
}

async function start() {
  const answer = await fetch('/playground/examples.json');
  const examples = answer.ok ? await answer.json() : [];
  createRoot(document.getElementById('playground')).render(
    <StrictMode>
      <Playground initial={firstToken()} examples={examples} />
    </StrictMode>,
  );
}

start();
