// What is written to one connection: its mode, its latest writes, and what its system takes.
import { ask } from './api.js';
import { facts } from './connection.js';
import { fill, h } from '../connect/dom.js';
import { UNCHANGEABLE, WRITABLE, WRITE_MODES } from './queries.js';
import { badge, button, dialog, formDialog, load, notice, say, table, words } from './ui.js';
import { NEWS_MS, logHref, spoken, what, writesTable } from './writes.js';

const LATEST = 5;
const MODES = {
  ENABLED: ['enabled', 'Writes are sent to the system.'],
  READ_ONLY: ['read-only', 'Every write is refused, and nothing is sent.'],
  SIMULATE: ['simulated', 'Writes are checked and answered as if they had been done; nothing is sent that changes anything. For trials.'],
};

/** Makes the part about writes of a connection's page. `changed` is called when the mode is another. */
export function writing(id, changed) {
  const mode = h('div', { class: 'top' });
  const latest = h('div');
  const offer = h('div');
  const fold = h('details', { class: 'card', ontoggle: () => fold.open && !offer.hasChildNodes() && readOffer() }, h('summary', {}, 'What can be written'), offer);
  let connection = null;
  let shown = '';

  function show(one) {
    connection = one;
    const [, meaning] = MODES[one.writeMode];
    fill(
      mode,
      h('p', { class: 'mode' }, modeBadge(one.writeMode), ' ', meaning),
      one.status !== 'DISCONNECTED' && button('Change the mode', change),
    );
  }

  function change() {
    const options = WRITE_MODES.map(value =>
      h(
        'label',
        { class: 'check' },
        h('input', { type: 'radio', name: 'mode', value, checked: value === connection.writeMode }),
        h('span', {}, h('b', {}, MODES[value][0]), h('span', { class: 'under' }, MODES[value][1])),
      ),
    );
    const form = formDialog(
      `Writes to ${connection.name}`,
      [h('fieldset', { class: 'modes' }, h('legend', {}, 'Writes are'), options), h('p', { class: 'help' }, 'It holds for writes that are asked for from now on; reading stays as it is.')],
      'Save',
      async form => {
        const chosen = form.querySelector('input:checked').value;
        await ask('SetWriteMode', { connectionId: id, mode: chosen });
        say(`Writes are ${MODES[chosen][0]} now.`);
        await changed();
      },
    );
    form.querySelector('input:checked').focus();
  }

  async function read() {
    await load(latest, async () => {
      const { writes } = await ask('Writes', { filter: { connections: [id] }, first: LATEST });
      shown = JSON.stringify(writes.nodes);
      return drawLatest(writes.nodes);
    });
  }
  const drawLatest = rows => [
    writesTable(rows, { label: 'Latest writes', empty: 'Nothing was written yet.', ofOne: true }),
    rows.length > 0 && h('p', { class: 'more' }, h('a', { href: logHref({ connection: id }) }, 'All writes of this connection')),
  ];
  async function freshen() {
    const answer = await ask('Writes', { filter: { connections: [id] }, first: LATEST }).catch(() => null);
    if (!answer || JSON.stringify(answer.writes.nodes) === shown) return;
    shown = JSON.stringify(answer.writes.nodes);
    fill(latest, drawLatest(answer.writes.nodes));
  }

  async function readOffer() {
    fill(offer, h('p', { class: 'soft', role: 'status' }, 'Asking …'));
    await load(offer, async () => {
      const answers = await Promise.all(WRITABLE.map(entity => ask('Writable', { connectionId: id, entity, hasUpdate: !UNCHANGEABLE.includes(entity) })));
      return drawOffer(WRITABLE.map((entity, index) => ({ entity, ...answers[index] })));
    });
  }
  function drawOffer(rows) {
    const offered = rows.map(row => ({ ...row, operations: operations(row) })).filter(row => row.operations.length);
    const others = rows.filter(row => !offered.some(({ entity }) => entity === row.entity));
    return [
      h('p', { class: 'help' }, 'Choose an operation to see its fields.'),
      table(
        [
          { title: 'Entity', cell: row => [h('b', {}, spoken(row.entity)), instead(row)] },
          { title: 'Operations', cell: row => h('div', { class: 'actions' }, row.operations.map(operation => operationButton(row.entity, operation))) },
        ],
        offered,
        { label: 'What can be written', empty: 'This system takes no writes.' },
      ),
      offered.length > 0 && others.length > 0 && h('p', { class: 'help' }, `Not written: ${others.map(row => spoken(row.entity)).join(', ')}.`),
    ];
  }
  const operationButton = (entity, operation) => h('button', { type: 'button', class: 'small', 'aria-label': what({ entity, operation }), onclick: () => open(entity, operation) }, operation);

  function open(entity, operation) {
    const place = h('div', {}, h('p', { class: 'soft', role: 'status' }, 'Asking the system …'));
    const box = dialog(what({ entity, operation }), close => [place, h('div', { class: 'actions' }, button('Close', close))]);
    box.classList.add('broad');
    load(place, async () => drawSchema((await ask('WriteSchema', { connectionId: id, entity, operation })).writeSchema, operation));
  }

  const pulse = setInterval(() => document.hidden || freshen(), NEWS_MS);
  return {
    element: h('div', {}, h('h2', {}, 'Writes'), mode, latest, fold),
    show,
    read,
    end: () => clearInterval(pulse),
  };
}

function modeBadge(mode) {
  const made = badge(mode);
  made.textContent = MODES[mode][0];
  return made;
}

function operations({ create, update, delete: remove }) {
  const basic = Object.entries({ create, update, delete: remove }).filter(([, one]) => one?.supported);
  return [...basic.map(([name]) => name), ...create.actions.map(({ name }) => name)];
}

function instead({ create, update, delete: remove }) {
  const lines = Object.entries({ create, update, delete: remove }).filter(([, one]) => one && !one.supported && one.alternative);
  return lines.map(([name, { alternative }]) => h('span', { class: 'under' }, `${name}: ${/\s/.test(alternative) ? alternative : `${alternative} serves instead`}`));
}

const FIELD_COLUMNS = [
  { title: 'Field', cell: field => [h('code', {}, field.name), ' ', field.required && badge('required'), h('span', { class: 'under' }, field.description), h('span', { class: 'under slim' }, 'In the system: ', h('code', {}, field.source.name))] },
  { title: 'Value', cell: field => [h('code', {}, field.type), limits(field)] },
  {
    title: 'In the system',
    wide: true,
    cell: ({ source }) => [h('code', {}, source.name), source.label && h('span', { class: 'under' }, source.label), h('span', { class: 'under' }, source.origin === 'SYSTEM' ? 'told by the system' : 'told by the connector')],
  },
];

function limits(field) {
  const lines = [
    !field.writable && 'this account cannot write it',
    field.maxLength && `at most ${field.maxLength} characters`,
    field.parts.length > 0 && `its ${field.parts.join(', ')}`,
    field.allowedValues.length > 0 && `one of ${field.allowedValues.join(', ')}`,
  ];
  return lines.filter(Boolean).map(line => h('span', { class: 'under' }, line));
}

const can = ({ create, update, delete: remove }) => [create && 'added', update && 'changed', remove && 'removed'].filter(Boolean).join(', ');

function drawSchema(schema, operation) {
  return [
    schema.description === 'FAILED' && notice('warn', h('p', {}, 'The system could not be asked (', h('code', {}, schema.descriptionError), '): this is what the connector knows.')),
    facts([
      ['Allowed while', schema.allowedIn.length > 0 && schema.allowedIn.map(words).join(', ')],
      ['Leads to', schema.leadsTo.length > 0 && schema.leadsTo.map(words).join(', ')],
      ['Expected version', operation !== 'create' && (schema.lock === 'SYSTEM' ? 'compared by the system, with the write' : 'compared with a fresh copy right before sending')],
      ['Found again by', operation === 'create' && (schema.clientReference ? ['our mark in ', h('code', {}, schema.clientReference), ' when it is left free'] : 'nothing: an unknown outcome waits for somebody to tell')],
      ['Lists', schema.children.length > 0 && schema.children.map(list => h('span', { class: 'line' }, h('code', {}, list.field), `: rows can be ${can(list)}; ${list.atomic ? 'all in one request' : 'one request each'}`))],
      [h('code', {}, 'customFields'), schema.customFields && 'takes the customer’s own fields, by their keys'],
      [h('code', {}, 'raw'), schema.systemFields.length > 0 && h('details', { class: 'light' }, h('summary', {}, `takes ${schema.systemFields.length} more fields of the system`), h('p', { class: 'soft' }, schema.systemFields.map(({ name }) => name).join(', ')))],
    ]),
    table(FIELD_COLUMNS, schema.fields, { label: 'Fields', empty: operation === 'delete' ? 'It takes no fields.' : 'No fields are needed.' }),
  ];
}
