// The page of a customer behind a settings link: the fields and mappings of one connection, in a frame or alone.
import { ask, hold, onSignedOut } from './api.js';
import { dress } from '../connect/colour.js';
import { fill, h, sentence } from '../connect/dom.js';
import * as frame from '../connect/frame.js';
import * as server from '../connect/server.js';
import { placeOf } from './mappings/place.js';
import { VIEWS } from './mappings/views.js';
import { notice } from './ui.js';

const page = document.getElementById('page');
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
let place = null;
let view = null;
let entering = null;
let until = null;

async function start() {
  let state;
  try {
    state = await server.state();
    dress(state.branding?.color);
    until = await enter();
    const { connection } = await ask('ConnectionRow', { id: until.connection.id });
    place = placeOf(connection, { base: '#', isStaff: false, onSaved: layer => frame.tell('saved', { version: layer.version }) });
  } catch (error) {
    return ended(error);
  }
  frame.begin(state.frameOrigin, { isFixed: true });
  const name = state.branding?.name || state.organization.name;
  const mark = state.branding?.logo?.startsWith('data:image/') ? h('img', { src: state.branding.logo, alt: '', class: 'logo' }) : h('span', { class: 'logo letter', 'aria-hidden': true }, name[0].toUpperCase());
  fill(
    page,
    h('a', { class: 'skip', href: '#main', onclick: event => (event.preventDefault(), document.getElementById('main').focus()) }, 'Skip to the content'),
    h('header', { class: 'head' }, h('span', { class: 'brand' }, mark, h('span', {}, name)), h('span', { class: 'soft' }, place.connection.name)),
    h('main', { id: 'main', tabindex: '-1' }),
    h('footer', { class: 'foot' }, h('p', { class: 'until' }), state.returnUrl && h('p', {}, h('a', { href: state.returnUrl, target: '_top' }, `Back to ${name}`))),
    h('div', { id: 'said', role: 'status', 'aria-live': 'polite' }),
  );
  tellUntil();
  window.addEventListener('hashchange', route);
  route();
  return undefined;
}

/** Exchanges the link, which this browser has open, for a token. */
async function enter() {
  const session = await server.enter();
  hold(session.token);
  return session;
}

function tellUntil() {
  const told = page.querySelector('.until');
  if (told) fill(told, `You can work here until ${clock.format(new Date(until.expiresAt))}.`);
}

/** What the person typed stays: only the token is another, or a notice says that the time is over. */
onSignedOut(() => {
  entering ??= enter()
    .then(session => {
      until = session;
      tellUntil();
    })
    .catch(error => {
      hold('');
      if (place) document.getElementById('main').prepend(over(error));
    })
    .finally(() => (entering = null));
});

const over = error => notice('bad', h('p', {}, h('b', {}, 'This page has ended. '), reason(error)), h('p', { class: 'help' }, 'What was saved is kept. Ask whoever gave you the link for a new one.'));
const reason = error => sentence(error.body?.message ?? error.message);

function ended(error) {
  const { body = {} } = error;
  dress(body.branding?.color);
  document.title = 'This link does not work';
  fill(
    page,
    h(
      'main',
      { class: 'door' },
      h('section', { class: 'sign-in' }, h('h1', { tabindex: '-1' }, 'This link does not work'), h('p', {}, error.status === 0 ? 'The server does not answer. Load the page again in a moment.' : reason(error)), body.advice && h('p', {}, body.advice), body.code && h('p', { class: 'soft' }, body.code), body.returnUrl && h('p', {}, h('a', { href: body.returnUrl, target: '_top' }, 'Go back'))),
    ),
  );
  page.querySelector('h1').focus();
}

function route() {
  const main = document.getElementById('main');
  const [path, query] = location.hash.split('?');
  const [, part, item] = path.split('/').map(decodeURIComponent);
  for (const dialog of document.querySelectorAll('dialog')) dialog.close();
  view?.end?.();
  view = VIEWS[Object.hasOwn(VIEWS, part ?? '') ? part : 'mappings'](place, item, new URLSearchParams(query));
  fill(main, view.element);
  document.title = `${view.title} · ${place.connection.name}`;
  window.scrollTo(0, 0);
  main.focus({ preventScroll: true });
}

start();
