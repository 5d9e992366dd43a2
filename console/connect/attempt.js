// Step 3: what is being checked, line by line, and what is told when it failed.
import { h, fill, icon, prose, sentence } from './dom.js';
import { foreign } from './field.js';
import { counted, has, language, t } from './texts.js';

/** Makes the list of steps; `add` takes a step as the server tells it. */
export function attemptView() {
  const list = h('ul', { class: 'checks', 'aria-live': 'polite', 'aria-relevant': 'additions text' });
  const rows = new Map();
  const add = step => {
    const key = `${step.name} ${step.label}`;
    if (!rows.has(key)) rows.set(key, { item: list.appendChild(h('li')) });
    const row = rows.get(key);
    row.step = step;
    row.item.className = step.state;
    fill(row.item, line(step));
  };
  return { element: list, add, steps: () => [...rows.values()].map(row => row.step) };
}

function line(step) {
  const mark = step.state === 'running' ? h('span', { class: 'spinner', 'aria-hidden': true }) : icon(step.state);
  return [
    h('span', { class: 'mark' }, mark),
    h(
      'span',
      { class: 'what' },
      h('b', {}, labelOf(step)),
      h('span', { class: 'unseen' }, `: ${t(`state_${step.state}`)}`),
      step.detail && h('span', { class: 'help', ...foreign() }, prose(step.detail)),
    ),
    step.latencyMs !== undefined && step.latencyMs !== null && h('span', { class: 'ms' }, `${Math.round(step.latencyMs)} ms`),
  ];
}

function labelOf(step) {
  if (step.name !== 'entity' && has(`check_${step.name}`)) return t(`check_${step.name}`);
  return step.label ?? step.name;
}

const FAMILIES = {
  credentials: ['INVALID_CREDENTIALS', 'SESSION_EXPIRED', 'REAUTH_REQUIRED', 'REVOKED', 'EXPIRED'],
  permission: ['PERMISSION_DENIED', 'MISSING_SCOPE'],
  unreachable: ['UNREACHABLE', 'NETWORK', 'HOST_UNKNOWN', 'ADDRESS_REFUSED'],
  tls: ['TLS_FAILED', 'TLS'],
  timeout: ['TIMEOUT', 'DEADLINE_EXCEEDED'],
  address: ['NOT_FOUND', 'MALFORMED_RESPONSE', 'WRONG_ADDRESS', 'UPSTREAM_INVALID_REQUEST', 'RESPONSE_TOO_LARGE'],
  unavailable: ['UNAVAILABLE', 'REMOTE_5XX', 'CIRCUIT_OPEN'],
  rate: ['RATE_LIMITED'],
  form: ['INVALID_FORM', 'INVALID_SETTINGS'],
  mismatch: ['ACCOUNT_MISMATCH'],
  credits: ['CREDITS_EXHAUSTED'],
  elsewhere: ['LINK_OPENED_ELSEWHERE'],
  busy: ['LINK_BUSY'],
  declined: ['ACCESS_DENIED', 'SIGN_IN_DECLINED', 'SIGN_IN_FAILED'],
};

/** Tells what went wrong and what to do. English takes the server's words, which know more. */
export function failureBox(told, steps, names) {
  const family = Object.keys(FAMILIES).find(name => FAMILIES[name].includes(told.code)) ?? 'default';
  const isEnglish = language() === 'en';
  const general = t(`fail_${family}_do`, names);
  const advice = isEnglish || family === 'default' ? (told.advice ?? general) : general;
  return [
    icon('failed'),
    h(
      'div',
      {},
      h('div', { role: 'alert' }, h('h2', {}, t(`fail_${family}`, names)), isEnglish && told.message && h('p', {}, prose(sentence(told.message))), h('p', {}, prose(advice))),
      Number.isInteger(told.triesLeft) && told.triesLeft <= 3 && h('p', {}, counted('tries', told.triesLeft)),
      told.remoteMessage && h('p', { class: 'help' }, t('remote_said'), ': ', h('q', {}, told.remoteMessage)),
      steps.length > 0 &&
        h(
          'details',
          {},
          h('summary', {}, t('checked')),
          h('ul', { class: 'checks' }, steps.map(step => h('li', { class: step.state }, line(step)))),
        ),
    ),
  ];
}
