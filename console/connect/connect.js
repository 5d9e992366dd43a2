// The hosted page: takes somebody from a link to a connection that works, or tells why it cannot.
import { attemptView, failureBox } from './attempt.js';
import { makeChooser } from './choose.js';
import { dress } from './colour.js';
import { h, fill, icon } from './dom.js';
import { foreign } from './field.js';
import { makeForm, readsOf } from './form.js';
import * as frame from './frame.js';
import * as server from './server.js';
import { has, speak, t } from './texts.js';

const page = document.getElementById('page');
/** The name of the window in which somebody signs in for a framed page. */
const POPUP = 'lineshaft-sign-in';
const AGAIN_AFTER_MS = 1500;
/** What is kept in the tab while somebody signs in on another page: no secrets. */
const AWAY = 'lineshaft.connect.away';
const REDIRECT_AFTER_MS = { plain: 4000, warned: 12000 };

let state = null;
let trying = null;
let hasEnded = false;
let lastForm = null;
/** The forms that were opened, so that going back and forth loses nothing. */
const forms = new Map();

const organization = () => state?.branding?.name || state?.organization?.name || t('sender');
const isReconnect = () => state?.purpose === 'reconnect';

// The page around every view.

function show({ title, step, mark, body, focus = true }) {
  const heading = h('h1', { tabindex: '-1' }, title);
  document.title = state ? `${title} · ${organization()}` : title;
  fill(
    page,
    h('header', { class: 'head' }, h('div', { class: 'inner' }, brand(), state?.customer?.name && h('span', { class: 'customer' }, t('for_customer', { customer: state.customer.name })))),
    h('main', {}, step && stepper(step), mark, heading, body),
    footer(step),
  );
  if (focus) heading.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

function brand() {
  const name = organization();
  const logo = state?.branding?.logo;
  const mark = logo?.startsWith('data:image/')
    ? h('img', { src: logo, alt: '', class: 'logo' })
    : h('span', { class: 'logo letter', 'aria-hidden': true }, name[0].toUpperCase());
  return h('span', { class: 'brand' }, state?.organization && mark, state?.organization && h('span', {}, name));
}

function stepper(current) {
  const fixed = Boolean(state.connector);
  const steps = [...(fixed ? [] : ['system']), 'access', 'check', 'done'];
  const at = steps.indexOf(current);
  return h(
    'ol',
    { class: 'stepper', 'aria-label': t('steps') },
    steps.map((step, index) =>
      h(
        'li',
        { class: index < at ? 'past' : '', 'aria-current': index === at ? 'step' : undefined },
        h('span', { class: 'dot' }, index < at ? icon('ok') : index + 1),
        h('span', {}, t(`step_${step}`)),
      ),
    ),
  );
}

function footer(step) {
  if (!step || step === 'done' || step === 'check') return null;
  return h('footer', { class: 'foot' }, h('button', { type: 'button', class: 'quiet', onclick: cancel }, t('cancel')), h('p', { class: 'expiry', role: 'status' }));
}

function end(name, places = {}) {
  hasEnded = true;
  const address = state?.returnUrl;
  show({
    title: t(`${name}_title`),
    body: [
      h('p', { class: 'lead' }, t(`${name}_text`, { organization: organization(), ...places })),
      address && h('p', {}, h('a', { class: 'button', href: address, target: frame.isFramed ? '_top' : undefined }, t('return_to', { organization: organization() }))),
    ],
  });
}

function noAnswer(again) {
  show({
    title: t('network_title'),
    body: [h('p', { class: 'lead' }, t('network_text')), h('div', { class: 'actions' }, h('button', { type: 'button', class: 'main', onclick: again }, t('retry')))],
  });
}

/** Shows what a refused request means for the page; `again` is offered when the server did not answer. */
function refuse(error, again) {
  if (!(error instanceof server.Refusal)) throw error;
  const { status, code, organization: owner } = error.body;
  if (!state && owner) {
    state = { ...error.body };
    speak(state.locale);
    dress(state.branding?.color);
  }
  if (code === 'LINK_TRIES_EXHAUSTED') return end('tries');
  if (code === 'LINK_REVOKED') return end('unknown');
  if (['expired', 'used', 'unknown'].includes(status)) return end(status);
  if (error.status === 410) return end('expired');
  if (error.status === 0 || error.status >= 500 || error.status === 429) return noAnswer(again);
  return end('unknown');
}

// The views.

async function begin() {
  page.setAttribute('aria-busy', 'true');
  try {
    state = await server.state();
  } catch (error) {
    return refuse(error, begin);
  } finally {
    page.removeAttribute('aria-busy');
  }
  speak(state.locale);
  dress(state.branding?.color);
  frame.begin(state.frameOrigin);
  if (state.done) return done(state.done);
  if (state.status !== 'open') return end(has(`${state.status}_title`) ? state.status : 'unknown');
  watchExpiry();
  const away = returned();
  const wanted = state.connector ?? (state.pending?.error ? (state.pending.connector ?? away?.connector) : null);
  if (!wanted) return choose();
  const form = await access(wanted, false, away);
  if (form && state.pending?.error) fail(form, state.pending.error, []);
}

function choose() {
  show({ title: t('choose_title'), step: 'system', body: makeChooser(state.connectors ?? [], organization(), id => access(id, true)), focus: history.state?.view !== undefined });
}

async function access(id, isNew = false, away = null) {
  if (!forms.has(id)) {
    let connector;
    try {
      connector = await server.connector(id);
    } catch (error) {
      refuse(error, () => access(id, isNew));
      return null;
    }
    forms.set(
      id,
      makeForm({
        connector,
        organization: organization(),
        kept: isReconnect() ? (state.connection?.settings ?? {}) : null,
        before: away?.connector === id ? away : null,
        isFramed: frame.isFramed,
        onSubmit: values => attempt(id, values),
        onSignIn: values => signIn(id, values),
      }),
    );
  }
  const form = forms.get(id);
  if (isNew && !frame.isFramed) history.pushState({ view: id }, '');
  showForm(form);
  return form;
}

function showForm(form) {
  lastForm = form;
  const { connector } = form;
  const name = state.connection?.name ?? connector.name;
  const back = () => (history.state?.view && !frame.isFramed ? history.back() : choose());
  show({
    title: isReconnect() ? t('title_reconnect', { name }) : t('form_title', { system: connector.name }),
    step: 'access',
    body: [
      isReconnect() && reason(connector),
      h(
        'p',
        { class: 'links' },
        !state.connector && h('button', { type: 'button', class: 'quiet', onclick: back }, icon('back'), t('choose_another')),
        connector.documentation &&
          h(
            'a',
            { href: connector.documentation, target: '_blank', rel: 'noopener noreferrer' },
            t('documentation', { system: connector.name }),
            icon('open'),
            h('span', { class: 'unseen' }, ` (${t('new_window')})`),
          ),
      ),
      connector.guide && h('p', { class: 'lead' }, [].concat(connector.guide).join(' ')),
      !isReconnect() && readsOf(connector, organization()),
      form.element,
    ],
  });
}

function reason(connector) {
  const why = state.connection?.reason ?? 'none';
  const key = `reason_${why}`;
  return h(
    'div',
    { class: 'notice' },
    icon(why === 'none' ? 'key' : 'warning'),
    h(
      'div',
      {},
      h('p', {}, t(has(key) ? key : 'reason_default', { system: connector.name, name: state.connection?.name })),
      !has(key) && state.connection?.message && h('p', { class: 'help', ...foreign() }, state.connection.message),
    ),
  );
}

async function attempt(id, values) {
  const form = forms.get(id);
  const stop = new AbortController();
  const view = attemptView();
  trying = stop;
  show({
    title: t('attempt_title', { system: state.connection?.name ?? form.connector.name }),
    step: 'check',
    body: [
      h('p', { class: 'lead' }, t('attempt_help')),
      view.element,
      h('div', { class: 'actions' }, h('button', { type: 'button', class: 'quiet', onclick: () => stop.abort() }, t('attempt_stop'))),
    ],
  });
  try {
    const last = await server.attempt(values, stop.signal, view.add);
    if (last.done) return done(last.done);
    return fail(form, last.failed, view.steps());
  } catch (error) {
    if (error.name === 'AbortError') return showForm(form);
    if (error.status !== 0) return refuse(error);
    return lost(form);
  } finally {
    trying = null;
  }
}

/** The answer broke off: the try may still have come to its end, so the link is asked. */
async function lost(form) {
  try {
    const now = await server.state();
    if (now.done) return done(now.done);
  } catch (error) {
    if (error.status) return refuse(error);
  }
  noAnswer(() => showForm(form));
}

function fail(form, told, steps) {
  frame.tell('failed', { code: told.code });
  if (told.code === 'LINK_TRIES_EXHAUSTED' || told.triesLeft === 0) return end('tries');
  showForm(form);
  form.fail(told, failureBox(told, steps, { system: form.connector.name, organization: organization() }));
}

async function signIn(id, values) {
  const form = forms.get(id);
  // Browsers open a window only while a click is handled, so it is opened before the server is asked.
  const popup = frame.isFramed ? window.open('about:blank', POPUP, 'popup,width=560,height=720') : null;
  let address;
  try {
    ({ address } = await server.authorize({ ...values, window: frame.isFramed }));
  } catch (error) {
    popup?.close();
    const told = error.body?.failed ?? (error.body?.code && error.body);
    if (told && error.status === 422) return fail(form, told, []);
    return refuse(error, () => showForm(form));
  }
  const going = h('p', { class: 'lead' }, t('going', { system: form.connector.name }));
  if (!frame.isFramed) {
    show({ title: t('form_title', { system: form.connector.name }), step: 'check', body: going });
    const { connector, deployment, settings, way } = values;
    sessionStorage.setItem(AWAY, JSON.stringify({ connector, deployment, settings, way }));
    return location.assign(address);
  }
  if (popup) popup.location.replace(address);
  waitForPopup(form, address, Boolean(popup));
}

/** Returns what was entered before somebody went away to sign in, once. */
function returned() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(AWAY));
    sessionStorage.removeItem(AWAY);
    return kept;
  } catch {
    return null;
  }
}

function waitForPopup(form, address, isOpen) {
  let isOver = false;
  const stop = () => (isOver = true);
  const note = h('p', { class: 'lead', role: 'status' }, t(isOpen ? 'popup_help' : 'popup_blocked', { system: form.connector.name }));
  show({
    title: t('popup_title'),
    step: 'check',
    body: [
      note,
      h(
        'div',
        { class: 'actions' },
        h('button', { type: 'button', class: 'main', onclick: () => window.open(address, POPUP, 'popup,width=560,height=720') }, t('popup_open')),
        h('button', { type: 'button', class: 'quiet', onclick: () => (stop(), showForm(form)) }, t('back')),
      ),
    ],
  });
  // The other window may be cut off from this one by its page, so the link itself is asked.
  async function ask() {
    if (isOver || hasEnded) return;
    try {
      const now = await server.state();
      if (isOver) return;
      if (now.done) return stop(), done(now.done);
      if (now.pending?.error) return stop(), fail(form, now.pending.error, []);
    } catch (error) {
      if (error.status === 404 || error.status === 410) return stop(), refuse(error);
    }
    setTimeout(ask, AGAIN_AFTER_MS);
  }
  setTimeout(ask, AGAIN_AFTER_MS);
}

function done(told) {
  hasEnded = true;
  const warnings = told.warnings ?? [];
  const code = told.code ?? codeIn(told.redirect);
  const goes = told.redirect && !frame.isHeard();
  const go = () => location.assign(told.redirect);
  const system = told.connectionName ?? state.connection?.name;
  show({
    title: t(isReconnect() ? 'done_title_reconnect' : 'done_title', { name: system }),
    step: 'done',
    mark: h('div', { class: 'big-ok' }, icon('ok')),
    body: [
      warnings.length > 0 &&
        h(
          'section',
          { class: 'notice', 'aria-labelledby': 'warnings' },
          icon('warning'),
          h('div', {}, h('h2', { id: 'warnings' }, t('done_warnings')), h('ul', {}, warnings.map(warning => h('li', {}, warning.message ?? warning))), h('p', { class: 'help' }, t('done_warnings_help', { system: lastForm?.connector.name ?? system }))),
        ),
      h('p', { class: 'lead', role: 'status' }, t(goes ? 'done_redirect' : 'done_close', { organization: organization() })),
      goes && h('div', { class: 'actions' }, h('button', { type: 'button', class: 'main', onclick: go }, t('continue'))),
    ],
  });
  frame.tell('connected', { code });
  if (goes) setTimeout(go, warnings.length ? REDIRECT_AFTER_MS.warned : REDIRECT_AFTER_MS.plain);
}

function codeIn(address) {
  try {
    return new URL(address).searchParams.get('code');
  } catch {
    return null;
  }
}

async function cancel() {
  let redirect = null;
  try {
    ({ redirect } = await server.cancel());
  } catch {
    // Whether the server heard it or not: the person goes.
  }
  frame.tell('cancelled');
  if (redirect && !frame.isHeard()) return location.assign(redirect);
  end('cancelled');
}

function watchExpiry() {
  const left = () => new Date(state.expiresAt) - Date.now();
  const check = () => {
    if (hasEnded) return;
    if (left() <= 0 && !trying) return end('expired');
    const minutes = Math.ceil(left() / 60000);
    const note = page.querySelector('.expiry');
    const text = minutes <= 5 && minutes > 1 ? t('expires_soon', { minutes }) : '';
    if (note && note.textContent !== text) note.textContent = text;
  };
  if (!Number.isFinite(left())) return;
  setInterval(check, 5000);
  check();
}

window.addEventListener('popstate', event => {
  if (hasEnded || !state || trying) return;
  if (event.state?.view) access(event.state.view);
  else if (!state.connector) choose();
});

speak();
show({ title: t('loading'), body: [], focus: false });
begin();
