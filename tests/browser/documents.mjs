// Checks every GraphQL document of the console against the schema that the program prints.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { buildSchema, parse, validate } from './modules.mjs';

const read = path => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

export async function checkDocuments() {
  // The console's files are modules although no package says so.
  const source = await read('console/operator/queries.js');
  const queries = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  const schema = buildSchema(await read('schema/lineshaft.graphql'));
  const documents = { ...queries.QUERIES, Feed: queries.FEED };
  const wrong = Object.entries(documents).flatMap(([name, text]) => {
    const document = parse(text);
    assert.equal(document.definitions[0].name.value, name, 'the operation has the name that it is called by');
    return validate(schema, document).map(error => `${name}: ${error.message}`);
  });
  assert.deepEqual(wrong, []);

  const values = name => schema.getType(name).getValues().map(value => value.name);
  assert.deepEqual(queries.STATUSES, values('ConnectionStatus'));
  assert.deepEqual(queries.DELIVERY_STATES, values('WebhookDeliveryState'));
  assert.deepEqual(Object.values(queries.WRITE_STATES).flat(), values('WriteState'));
  assert.deepEqual(queries.WRITE_MODES, values('ConnectionWriteMode'));
  const writable = verb => Object.keys(schema.getType('WriteOperationInput').getFields()).flatMap(name => name.match(`^${verb}(.*)`)?.[1] ?? []);
  assert.deepEqual([...queries.WRITABLE].sort(), writable('create').sort());
  assert.deepEqual(queries.WRITABLE.filter(name => !queries.UNCHANGEABLE.includes(name)).sort(), writable('update').sort());
  const actions = [...(await read('schema/unified/actions.graphql')).matchAll(/@action\(of: "\w+", name: "(\w+)"\)/g)].map(([, name]) => name);
  assert.deepEqual(queries.WRITE_OPERATIONS, ['create', 'update', 'delete', ...new Set(actions)]);
  const events = await read('docs/events.md');
  const told = [...events.matchAll(/^\| `((?:connection|write|credits|webhook)\.\w+)`/gm)].map(([, type]) => type);
  assert.deepEqual(queries.EVENT_TYPES, told);
}
