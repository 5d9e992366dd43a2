// One field of a form: its label, help, input and message, and the rules that its value must follow.
import { h, fill, prose } from './dom.js';
import { language, t } from './texts.js';

/** Words of a connector are English; this tells screen readers so where the page speaks another language. */
export const foreign = () => (language() === 'en' ? {} : { lang: 'en' });

let count = 0;

/** Makes a field of a setting or a credential. A credential is told by `secret` being there. */
export function makeField(spec, initial) {
  const id = `field-${(count += 1)}`;
  const isCredential = 'secret' in spec;
  const kind = isCredential ? 'text' : spec.type;
  const first = initial ?? spec.default ?? '';
  const message = h('p', { class: 'message', id: `${id}-message` });
  const notes = [];
  if (spec.help) notes.push(h('p', { class: 'help', id: `${id}-help`, ...foreign() }, prose(spec.help)));
  if (spec.example) {
    notes.push(h('p', { class: 'help', id: `${id}-example` }, t('example'), ' ', h('code', {}, spec.example)));
  }
  const described = [...notes.map(note => note.id), message.id].join(' ');
  const common = { id, name: spec.name, 'aria-describedby': described, 'aria-required': Boolean(spec.required) };
  const { input, around } = control(kind, spec, first, common);

  const read = () => (input.type === 'checkbox' ? input.checked : isCredential ? input.value : input.value.trim());

  function tell(text, isHint = false) {
    fill(message, prose(text));
    message.classList.toggle('hint', isHint);
    element.classList.toggle('wrong', Boolean(text) && !isHint);
    if (text && !isHint) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
    return !text || isHint;
  }

  /** Checks the value and shows what is wrong with it. Returns whether it is right. */
  function check() {
    const value = read();
    const text = String(value);
    if (text.trim() === '') return tell(spec.required ? t('missing', { label: spec.label }) : '');
    const wrong = problem(kind, text, spec);
    if (wrong) return tell(wrong);
    if (isCredential && text !== text.trim()) return tell(t('hint_space'), true);
    return tell('');
  }

  if (kind === 'url') {
    input.addEventListener('blur', () => {
      const text = input.value.trim();
      if (/^[\w-]+(\.[\w-]+)+(:\d+)?(\/|$)/.test(text)) input.value = `https://${text}`;
    });
  }
  input.addEventListener('blur', () => read() !== '' && check());
  // A message goes as soon as the value is right; a new one waits until the field is left.
  input.addEventListener('input', () => (element.classList.contains('wrong') || message.textContent) && check());

  const name = h('span', foreign(), spec.label);
  const optional = spec.required || kind === 'boolean' ? null : h('span', { class: 'optional' }, t('optional'));
  const element =
    kind === 'boolean'
      ? h('div', { class: 'field switch' }, h('label', { for: id }, input, name), notes, message)
      : h('div', { class: 'field' }, h('label', { for: id }, name, ' ', optional), around, message, notes);
  return { element, input, spec, isCredential, read, check, tell };
}

function control(kind, spec, first, common) {
  if (kind === 'boolean') {
    const input = h('input', { ...common, type: 'checkbox', checked: String(first) === 'true' });
    input.removeAttribute('aria-required');
    return { input };
  }
  if (kind === 'choice') {
    const choices = (spec.choices ?? []).map(choice => (typeof choice === 'string' ? { value: choice, label: choice } : choice));
    const input = h('select', common);
    if (!spec.required || first === '') input.append(h('option', { value: '' }, '—'));
    input.append(...choices.map(({ value, label }) => h('option', { value, ...foreign() }, label)));
    input.value = first;
    return { input, around: input };
  }
  const plain = { ...common, value: first, autocapitalize: 'none', autocorrect: 'off', spellcheck: 'false', maxlength: '4096' };
  if (spec.secret) {
    const input = h('input', { ...plain, type: 'password', autocomplete: 'new-password' });
    const text = h('span', {}, t('show'));
    const toggle = h('button', { type: 'button', class: 'reveal', 'aria-pressed': false, 'aria-controls': common.id }, text, h('span', { class: 'unseen' }, `: ${spec.label}`));
    toggle.addEventListener('click', () => {
      const isShown = input.type === 'password';
      input.type = isShown ? 'text' : 'password';
      toggle.setAttribute('aria-pressed', String(isShown));
      text.textContent = t(isShown ? 'hide' : 'show');
    });
    return { input, around: h('div', { class: 'secret' }, input, toggle) };
  }
  if (kind === 'time_zone') {
    const list = h('datalist', { id: `${common.id}-zones` }, zones().map(zone => h('option', { value: zone })));
    const input = h('input', { ...plain, type: 'text', autocomplete: 'off', list: list.id });
    return { input, around: [input, list] };
  }
  const keyboard = { url: 'url', integer: 'numeric' }[kind];
  const input = h('input', { ...plain, type: 'text', autocomplete: 'off', inputmode: keyboard });
  return { input, around: input };
}

const zones = () => Intl.supportedValuesOf?.('timeZone') ?? [];

function problem(kind, text, spec) {
  if (kind === 'url') {
    const address = URL.parse ? URL.parse(text) : safely(() => new URL(text));
    if (!address || !['https:', 'http:'].includes(address.protocol)) return t('wrong_address');
    if (address.search || address.hash || address.username || address.password) return t('wrong_address_rest');
  }
  if (kind === 'integer' && !/^[+-]?\d+$/.test(text)) return t('wrong_integer');
  if (kind === 'time_zone' && !safely(() => new Intl.DateTimeFormat('en', { timeZone: text }))) return t('wrong_zone');
  if (spec.pattern && !fits(spec.pattern, text)) {
    const example = spec.example ? ` ${t('example')} ${spec.example}` : '';
    return t('wrong_form', { label: spec.label }) + example;
  }
  return null;
}

/** The server checks again, so a pattern that browsers do not understand lets everything pass here. */
function fits(pattern, text) {
  const whole = safely(() => new RegExp(`^(?:${pattern})$`, 'u'));
  return !whole || whole.test(text);
}

function safely(attempt) {
  try {
    return attempt();
  } catch {
    return null;
  }
}
