// The form of one connector: deployment, settings, ways to sign in, and what is wrong with what was entered.
import { h, fill, icon, prose, sentence } from './dom.js';
import { foreign, makeField } from './field.js';
import { counted, has, t } from './texts.js';

/** More optional settings than this are folded away. */
const FOLD_FROM = 3;

/**
 * Makes the form. `kept` are the settings of a connection that is brought back, `before` is what was entered
 * before a sign-in elsewhere; `onSubmit` and `onSignIn` get what the server wants to know.
 */
export function makeForm({ connector, organization, kept, before, isFramed, onSubmit, onSignIn }) {
  const names = { system: connector.name, vendor: connector.vendor, organization };
  const isReconnect = Boolean(kept);
  const failure = h('div', { class: 'failure', tabindex: '-1', hidden: true });
  const deployment = isReconnect ? null : deployments(connector, names, before?.deployment);
  const settings = settingsPart(connector, kept, before?.settings);
  const ways = waysPart(connector, names, isReconnect, isFramed, before?.way);
  const summary = h('p', { class: 'message', role: 'alert' });

  const all = () => [...settings.fields(), ...ways.fields()];

  function check() {
    const wrong = all().filter(field => !field.check());
    fill(summary, wrong.length ? counted('problems', wrong.length) : '');
    if (wrong.length) settings.unfold(wrong[0]), wrong[0].input.focus();
    return wrong.length === 0;
  }

  function values() {
    return {
      connector: connector.id,
      deployment: deployment?.value() ?? connector.deployments?.[0] ?? null,
      settings: settings.values(),
      way: ways.chosen().id,
      credentials: Object.fromEntries(ways.fields().map(field => [field.spec.name, field.read()])),
    };
  }

  const element = h(
    'form',
    { novalidate: true, autocomplete: 'off', class: 'form' },
    failure,
    deployment?.element,
    settings.element,
    ways.element,
    summary,
    h('div', { class: 'actions' }, ways.button),
  );
  element.addEventListener('submit', event => {
    event.preventDefault();
    if (!check()) return;
    failure.hidden = true;
    if (ways.chosen().kind === 'sign_in') onSignIn(values());
    else onSubmit(values());
  });

  /** Shows why a try failed: above the form, at the fields, and with the first of them focused. */
  function fail(told, box) {
    fill(failure, box);
    failure.hidden = false;
    fill(summary);
    for (const field of all()) field.tell('');
    let first = null;
    for (const problem of told.problems ?? []) {
      const isCredential = problem.part === 'credential';
      const field = all().find(one => one.isCredential === isCredential && one.spec.name === problem.field);
      if (!field && !isCredential && isReconnect && problem.field) settings.edit();
      const found = field ?? all().find(one => one.isCredential === isCredential && one.spec.name === problem.field);
      found?.tell(sentence(problem.message));
      first ??= found;
    }
    if (!first && told.code === 'INVALID_CREDENTIALS') first = ways.fields().find(field => field.spec.secret);
    if (first) settings.unfold(first);
    // The message is read first, then the field with what is wrong with it.
    (first?.input ?? failure).focus({ preventScroll: true });
    failure.scrollIntoView({ block: 'start' });
  }

  return { element, fail, connector };
}

function deployments(connector, names, before) {
  if ((connector.deployments ?? []).length < 2) return null;
  const option = (value, picture) =>
    h(
      'label',
      { class: 'option' },
      h('input', { type: 'radio', name: 'deployment', value, checked: value === (before ?? connector.deployments[0]) }),
      icon(picture),
      h('span', {}, h('b', {}, t(value)), h('span', { class: 'help' }, t(`${value}_help`, names))),
    );
  const pictures = { cloud: 'cloud', on_premises: 'server' };
  const element = h(
    'fieldset',
    {},
    h('legend', {}, t('deployment', names)),
    h('div', { class: 'options' }, connector.deployments.map(value => option(value, pictures[value]))),
  );
  return { element, value: () => element.querySelector('input:checked').value };
}

function settingsPart(connector, kept, before) {
  const specs = connector.settings ?? [];
  if (!specs.length) return { element: null, fields: () => [], values: () => ({}), unfold() {}, edit() {} };
  const fields = specs.map(spec => makeField(spec, { ...kept, ...before }[spec.name]));
  const optional = fields.filter(field => !field.spec.required);
  const folded = optional.length >= FOLD_FROM ? optional : [];
  const open = fields.filter(field => !folded.includes(field));
  const fold = folded.length
    ? h(
        'details',
        { class: 'fold' },
        h('summary', {}, t('more_settings', { count: folded.length })),
        folded.map(field => field.element),
      )
    : null;
  const editor = h('div', { class: 'fields' }, open.map(field => field.element), fold);
  const unfold = field => fold && folded.includes(field) && (fold.open = true);
  const read = () => Object.fromEntries(fields.map(field => [field.spec.name, field.read()]).filter(([, value]) => value !== ''));
  const legend = h('legend', {}, t('settings'));
  if (!kept) {
    return { element: h('fieldset', {}, legend, editor), fields: () => fields, values: read, unfold };
  }

  // Of a connection that is brought back, the settings are shown and changed on demand only.
  let isEdited = false;
  const list = h(
    'dl',
    { class: 'kept' },
    specs.map(spec => {
      const value = kept[spec.name];
      const shown = value === true || value === false ? t(value ? 'yes' : 'no') : value;
      return h('div', {}, h('dt', foreign(), spec.label), h('dd', {}, shown ?? h('i', {}, t('settings_none'))));
    }),
  );
  const intro = h('p', { class: 'help' }, t('settings_kept'));
  const toggle = h('button', { type: 'button', class: 'quiet' });
  const body = h('div');
  function show(edited) {
    isEdited = edited;
    fill(body, edited ? editor : [intro, list]);
    toggle.textContent = t(edited ? 'settings_keep' : 'settings_edit');
    toggle.setAttribute('aria-expanded', String(edited));
  }
  toggle.addEventListener('click', () => {
    show(!isEdited);
    if (isEdited) fields[0].input.focus();
  });
  show(false);
  return {
    element: h('fieldset', {}, legend, body, toggle),
    fields: () => (isEdited ? fields : []),
    // What was emptied is told too: settings that are not told stay as they are.
    values: () => (isEdited ? { ...Object.fromEntries(Object.keys(kept).map(name => [name, null])), ...read() } : {}),
    unfold,
    edit: () => isEdited || show(true),
  };
}

function waysPart(connector, names, isReconnect, isFramed, before) {
  const ways = connector.ways.map(way => ({
    ...way,
    fields: (way.credentials ?? []).map(spec => makeField({ required: true, ...spec })),
  }));
  let chosen = ways.find(way => way.id === before) ?? ways[0];
  const panel = h('div', { class: 'fields' });
  const button = h('button', { type: 'submit', class: 'main' });

  function choose(way) {
    chosen = way;
    const guide = [].concat(way.guide ?? []).filter(Boolean);
    const isElsewhere = way.kind === 'sign_in';
    fill(
      panel,
      guide.length
        ? h(
            'details',
            { class: 'guide', open: true },
            h('summary', {}, t('guide')),
            h('ol', foreign(), guide.map(step => h('li', {}, prose(step)))),
          )
        : null,
      way.fields.map(field => field.element),
      isElsewhere
        ? h('p', { class: 'help' }, t('sign_in_help', names))
        : h('p', { class: 'help lock' }, icon('key'), t('secrets')),
    );
    fill(
      button,
      isElsewhere ? [t('sign_in_at', names), icon('open')] : t(isReconnect ? 'reconnect' : 'connect'),
      isElsewhere && isFramed ? h('span', { class: 'unseen' }, ` (${t('new_window')})`) : null,
    );
  }

  const tabs =
    ways.length < 2
      ? null
      : h(
          'div',
          { class: 'tabs' },
          ways.map(way =>
            h(
              'label',
              {},
              h('input', { type: 'radio', name: 'way', value: way.id, checked: way === chosen, onchange: () => choose(way) }),
              h('span', foreign(), way.label),
            ),
          ),
        );
  choose(chosen);
  const title = tabs ? t('ways') : t('credentials');
  return {
    element: h('fieldset', {}, h('legend', {}, title), tabs, panel),
    button,
    chosen: () => chosen,
    fields: () => chosen.fields,
  };
}

/** Returns what a connector reads, for people. */
export function readsOf(connector, organization) {
  const entities = (connector.entities ?? []).map(name => (has(`entity_${name}`) ? t(`entity_${name}`) : name));
  if (!entities.length) return null;
  return h('p', { class: 'reads' }, t('reads', { organization }), ' ', entities.join(', '), '.');
}
