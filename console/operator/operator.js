// The operator's console: sign-in, the frame around the views, and the routes to them.
import { ask, follow, forget, keep, key, onSignedOut } from './api.js';
import { auditView } from './audit.js';
import { connectionView } from './connection.js';
import { connectionsView } from './connections.js';
import { creditsView } from './credits.js';
import { fill, h } from '../connect/dom.js';
import { linkView } from './link.js';
import { VIEWS, mappingsOf } from './mappings/views.js';
import { refusal } from './ui.js';
import { writeView } from './write.js';
import { writesView } from './writes.js';
import { deliveryView, endpointView, webhooksView } from './webhooks.js';

const root = document.getElementById('console');
const NAVIGATION = [
  ['connections', 'Connections'],
  ['link', 'Connect a customer'],
  ['writes', 'Writes'],
  ['webhooks', 'Webhooks'],
  ['credits', 'Credits'],
  ['audit', 'Audit log'],
];
const ROUTES = {
  connections: (id, query, part, item) => (Object.hasOwn(VIEWS, part ?? '') ? mappingsOf(id, part, item, query) : id ? connectionView(id) : connectionsView()),
  link: () => linkView(),
  writes: (id, query) => (id ? writeView(id) : writesView(query)),
  webhooks: id => (id ? endpointView(id) : webhooksView()),
  deliveries: id => (id ? deliveryView(id) : webhooksView()),
  credits: () => creditsView(),
  audit: () => auditView(),
};
const STATES = { connecting: 'Connecting …', live: 'Live', waiting: 'Reconnecting …' };

let feed = null;
let view = null;

function mark() {
  return h('img', { src: '/favicon.svg', alt: '', width: 26, height: 26 });
}

function signIn(told) {
  feed?.close();
  feed = view = null;
  const input = h('input', { type: 'password', id: 'key', autocomplete: 'off', spellcheck: 'false', placeholder: 'lsk_…', 'aria-describedby': 'key-help' });
  const problem = h('div', {}, told);
  const send = h('button', { class: 'main' }, 'Sign in');
  const form = h(
    'form',
    { class: 'sign-in' },
    h('h1', {}, mark(), 'Lineshaft console'),
    h('label', { for: 'key' }, 'Key of the organization'),
    input,
    h('p', { class: 'help', id: 'key-help' }, 'Made with ', h('code', {}, 'lineshaft token create'), '. It stays in this browser tab and goes to this server only.'),
    problem,
    send,
  );
  form.addEventListener('submit', async event => {
    event.preventDefault();
    const given = input.value.trim();
    if (!given) return input.focus();
    keep(given);
    send.disabled = true;
    await start();
    send.disabled = false;
  });
  fill(root, h('main', { class: 'door' }, form));
  document.title = 'Sign in · Lineshaft';
  input.focus();
}

function leave(told) {
  forget();
  signIn(told);
}

async function start() {
  if (!key()) return signIn();
  let organization;
  try {
    ({ organization } = await ask('Organization'));
  } catch (error) {
    // A refused key has led to the door already; one of a single connection goes back there with the reason.
    if (error.code === 'FORBIDDEN') return leave(refusal(error));
    if (error.code !== 'UNAUTHENTICATED') signIn(refusal(error));
    return undefined;
  }
  const live = h('span', { class: 'live', role: 'status' });
  fill(
    root,
    h('a', { class: 'skip', href: '#main', onclick: event => (event.preventDefault(), document.getElementById('main').focus()) }, 'Skip to the content'),
    h(
      'header',
      { class: 'bar' },
      h('a', { class: 'name', href: '#/connections' }, mark(), h('span', {}, 'Lineshaft')),
      h('nav', { 'aria-label': 'Views' }, NAVIGATION.map(([route, title]) => h('a', { href: `#/${route}`, 'data-route': route }, title))),
      h('span', { class: 'who' }, live, h('span', {}, organization.name), h('button', { type: 'button', onclick: () => leave() }, 'Sign out')),
    ),
    h('main', { id: 'main', tabindex: '-1' }),
    h('div', { id: 'said', role: 'status', 'aria-live': 'polite' }),
  );
  feed = follow({
    onEvent: event => view?.onEvent?.(event),
    onState: state => {
      live.dataset.state = state;
      if (live.textContent !== STATES[state]) live.textContent = STATES[state];
    },
    onGap: () => view?.reload?.(),
  });
  route();
  return undefined;
}

function route() {
  const main = document.getElementById('main');
  if (!main) return;
  const [path, query] = location.hash.split('?');
  const [, name, ...rest] = path.split('/');
  const [id, part, item] = rest.map(decodeURIComponent);
  const isKnown = Object.hasOwn(ROUTES, name ?? '');
  if (!isKnown) return location.replace('#/connections');
  for (const dialog of document.querySelectorAll('dialog')) dialog.close();
  const first = name === 'deliveries' ? 'webhooks' : name;
  for (const link of root.querySelectorAll('nav a')) {
    if (link.dataset.route === first) {
      link.setAttribute('aria-current', 'page');
      link.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    } else link.removeAttribute('aria-current');
  }
  view?.end?.();
  view = ROUTES[name](id, new URLSearchParams(query), part, item);
  fill(main, view.element);
  document.title = `${view.title} · Lineshaft`;
  window.scrollTo(0, 0);
  main.focus({ preventScroll: true });
}

onSignedOut(() => leave(refusal({ message: 'The key is not accepted, or is no longer. Sign in again.' })));
window.addEventListener('hashchange', route);
// A key that comes in the fragment never reaches a log: browsers keep fragments to themselves.
const given = /^#token=(.+)$/.exec(location.hash);
if (given) {
  keep(decodeURIComponent(given[1]));
  history.replaceState(null, '', location.pathname);
}
start();
