// Fields and mappings in the console: seen, changed, live at once, and taken back.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { until } from '../stage.mjs';
import { signedIn } from '../visit.mjs';

const SAVE = 'mutation($input: SaveMappingInput!) { saveMapping(input: $input) { layer { version } problems { code message } } }';
const LAYER = 'query($scope: MappingScopeInput!) { mappingLayer(scope: $scope) { version document } }';

const layer = async (stage, connectionId) => (await stage.ask(LAYER, { scope: { connectionId } })).mappingLayer;
const orders = async (stage, connection, fields) => (await stage.ask(`{ purchaseOrders(first: 20) { nodes { ${fields} } } }`, {}, connection.token)).purchaseOrders.nodes;

/** Opens one entity of a connection. */
async function entity(stage, visit, connection, name) {
  await visit.page.goto(`${stage.url}/console#/connections/${connection.id}/mappings/${name}`);
  await visit.page.getByRole('region', { name: 'Fields', exact: true }).waitFor();
}

/** Waits until the open dialog is saved. */
async function saved(page, version) {
  await page.getByRole('status').getByText(`Saved as version ${version}.`).waitFor();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}

export async function a_status_map_is_changed_with_a_preview_and_holds_at_once(stage, visits) {
  const connection = await stage.connect('odoo', 'c-70', 'Map Mill');
  const before = await orders(stage, connection, 'status');
  const visit = await signedIn(stage, visits);
  const { page } = visit;
  await page.goto(`${stage.url}/console#/connections/${connection.id}`);
  await page.getByRole('link', { name: 'Fields and mappings' }).click();
  await visit.heading('Fields and mappings');
  await page.getByRole('link', { name: 'Purchase order', exact: true }).waitFor();
  await visit.look('mappings-1-entities');
  await page.getByRole('searchbox').fill('purchase');
  await page.getByRole('link', { name: 'Purchase order', exact: true }).click();
  await page.getByRole('button', { name: 'Edit status', exact: true }).waitFor();
  await visit.look('mappings-2-fields');

  await page.getByRole('searchbox').fill('status');
  await page.getByRole('button', { name: 'Edit status', exact: true }).click();
  const dialog = page.getByRole('dialog');
  const table = dialog.getByRole('table', { name: /Values of the system/ });
  const first = table.getByRole('combobox').first();
  await first.waitFor();
  for (const choice of await table.getByRole('combobox').all()) await choice.selectOption({ index: 1 });
  const chosen = await first.inputValue();
  const preview = dialog.getByRole('region', { name: 'Preview' });
  await preview.getByText(/live records?\./).waitFor();
  await preview.locator('ins').filter({ hasText: chosen }).first().waitFor();
  await visit.look('mappings-3-editor');
  await dialog.getByLabel('What you changed').fill('One status for all');
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  const warned = dialog.getByRole('checkbox', { name: 'Save it all the same' });
  const done = page.getByRole('status').getByText('Saved as version 1.');
  await warned.or(done).first().waitFor();
  if (await warned.isVisible()) {
    await warned.check();
    await dialog.locator('.outcome').getByRole('button', { name: 'Save' }).click();
  }
  await saved(page, 1);
  const after = await orders(stage, connection, 'status');
  assert.notDeepEqual(after, before);
  assert.ok(after.every(({ status }) => status === chosen), JSON.stringify(after));
  await page.locator('tr[data-id=status] td.wide').getByText('connection', { exact: true }).waitFor();
}

export async function a_field_of_the_system_becomes_one_of_ones_own(stage, visits) {
  const connection = await stage.connect('odoo', 'c-71', 'Field Mill');
  const visit = await signedIn(stage, visits);
  const { page } = visit;
  await entity(stage, visit, connection, 'PurchaseOrder');
  await page.getByRole('button', { name: /^Only in the system/ }).click();
  const add = page.getByRole('region', { name: 'Fields that are only in the system' }).getByRole('button', { name: /^Add / });
  await add.first().waitFor();
  await visit.look('mappings-4-only-in-the-system');
  await page.getByRole('button', { name: 'Add x_studio_budget_code as a field' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name in queries').fill('ownField');
  await dialog.getByRole('region', { name: 'Preview' }).locator('ins').first().waitFor();
  await visit.look('mappings-5-own-field');
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  await saved(page, 1);
  assert.ok((await orders(stage, connection, 'ownField')).some(({ ownField }) => /^BUD-/.test(ownField)));
  await page.getByRole('button', { name: /^Fields/ }).click();
  await page.getByLabel('Show').selectOption('custom');
  await page.getByRole('button', { name: 'Edit ownField', exact: true }).waitFor();
  // Lists that are found by a reference of other records are not called unmapped.
  await page.getByLabel('Show').selectOption('');
  await page.locator('tr[data-id=lines]').getByText('PurchaseOrderLine.purchaseOrder').waitFor();
}

export async function what_somebody_else_saved_meanwhile_is_shown_and_nothing_is_lost(stage, visits) {
  const connection = await stage.connect('odoo', 'c-72', 'Busy Mill');
  const visit = await signedIn(stage, visits);
  const { page } = visit;
  await entity(stage, visit, connection, 'PurchaseOrder');
  await page.getByRole('button', { name: 'Edit notes', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'a fixed value' }).click();
  await dialog.getByLabel('Value', { exact: true }).fill('from the console');
  await dialog.getByText(/live records?\./).waitFor();
  const input = { scope: { connectionId: connection.id }, expectedVersion: 0, comment: 'quicker', yaml: 'mapping: 1\nentities: {PurchaseOrder: {fields: {reference: {hide: true}}}}' };
  const { saveMapping: other } = await stage.ask(SAVE, { input });
  assert.equal(other.layer?.version, 1, JSON.stringify(other.problems));
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  await dialog.getByText('PurchaseOrder.reference').waitFor();
  await dialog.getByText('Your work is still here.').waitFor();
  await visit.look('mappings-6-conflict');
  await dialog.getByRole('button', { name: 'Save mine on top' }).click();
  await saved(page, 2);
  const { document } = await layer(stage, connection.id);
  const { fields } = document.entities.PurchaseOrder;
  assert.deepEqual(fields.reference, { hide: true });
  assert.deepEqual(fields.notes, { constant: 'from the console' });
  assert.ok((await orders(stage, connection, 'notes')).every(({ notes }) => notes === 'from the console'));

  // Work that is not saved does not vanish with a key.
  await page.getByRole('button', { name: 'Edit notes', exact: true }).click();
  await dialog.getByLabel('Value', { exact: true }).fill('half done');
  await page.keyboard.press('Escape');
  await dialog.getByText('What you changed is not saved.').waitFor();
  await dialog.getByRole('button', { name: 'Throw it away' }).click();
  await dialog.waitFor({ state: 'detached' });

  // The change is taken back.
  await page.getByRole('button', { name: 'Edit notes', exact: true }).click();
  await dialog.getByRole('button', { name: 'Undo this change …' }).click();
  await dialog.getByRole('button', { name: 'Back to the layer below' }).click();
  await saved(page, 3);
  assert.equal((await layer(stage, connection.id)).document.entities.PurchaseOrder.fields.notes, undefined);
}

export async function an_object_of_the_system_becomes_an_entity(stage, visits) {
  const connection = await stage.connect('odoo', 'c-73', 'Object Mill');
  const visit = await signedIn(stage, visits);
  const { page } = visit;
  await page.goto(`${stage.url}/console#/connections/${connection.id}/mappings`);
  await page.getByRole('button', { name: 'Add an entity' }).click();
  await visit.heading('Add an entity');
  await page.getByRole('searchbox').fill('partner');
  const objects = page.getByRole('table', { name: 'Objects of the system' });
  await until('the found object', async () => (await objects.getByRole('row').count()) === 2 && (await objects.getByText('res.partner', { exact: true }).isVisible()));
  await visit.look('mappings-7-objects');
  await objects.getByRole('row').filter({ has: page.getByText('res.partner', { exact: true }) }).getByRole('button').click();
  await page.getByLabel('Name in queries').fill('BusinessPartner');
  await page.getByLabel('Name of the list').fill('businessPartners');
  await page.getByRole('button', { name: 'None', exact: true }).click();
  await page.getByLabel('Search the fields').fill('name');
  await page.getByRole('checkbox', { name: 'Choose name', exact: true }).check();
  await page.getByLabel('Name of name', { exact: true }).fill('fullName');
  await page.getByRole('region', { name: 'Preview' }).getByText('fullName').first().waitFor();
  await visit.look('mappings-8-choose-fields');
  await page.getByRole('button', { name: 'Add the entity' }).click();
  await page.getByRole('heading', { name: 'BusinessPartner can be queried now' }).waitFor();
  await visit.look('mappings-9-query');
  const query = await page.getByLabel('The query on one line').inputValue();
  const { businessPartners } = await stage.ask(query, {}, connection.token);
  assert.ok(businessPartners.nodes.length > 0 && businessPartners.nodes.every(({ fullName }) => typeof fullName === 'string'));
  await page.getByRole('link', { name: 'Look at its fields' }).click();
  await page.getByRole('button', { name: 'Edit fullName', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Change the entity' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Label').fill('Business partner');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await visit.heading('Business partner');
}

export async function where_no_key_is_usual_one_is_proposed_and_checked(stage, visits) {
  const connection = await stage.connect('limble', 'c-77', 'Key Mill');
  const visit = await signedIn(stage, visits);
  const { page } = visit;
  await page.goto(`${stage.url}/console#/connections/${connection.id}/mappings/`);
  await page.getByRole('button', { name: 'Add an entity' }).click();
  await page.getByLabel('Or its exact name').fill('vendors');
  await page.keyboard.press('Enter');
  const key = page.getByLabel('Key', { exact: true });
  await until('a proposal', async () => (await key.inputValue()) === 'vendorID');
  assert.equal(await page.getByLabel('Name in queries').inputValue(), 'OwnVendor');
  const preview = page.getByRole('region', { name: 'Preview' });
  await preview.getByText(/live records\./).waitFor();
  await key.fill('locationID');
  await preview.getByText('it does not identify a record').waitFor();
  await visit.look('mappings-14-key');
  await key.fill('vendorID');
  await preview.getByText('it does not identify a record').waitFor({ state: 'detached' });
  await preview.getByText(/live records\./).waitFor();
  await page.getByRole('button', { name: 'Add the entity' }).click();
  await page.getByRole('heading', { name: 'OwnVendor can be queried now' }).waitFor();
  const { ownVendors } = await stage.ask('{ ownVendors(first: 3) { nodes { remoteId name } } }', {}, connection.token);
  assert.equal(ownVendors.nodes.length, 3);
}

export async function versions_are_compared_taken_away_brought_back_and_copied(stage, visits) {
  const connection = await stage.connect('odoo', 'c-74', 'Version Mill');
  const other = await stage.connect('odoo', 'c-75', 'Twin Mill');
  const scope = { connectionId: connection.id };
  for (const [version, text] of ['one', 'two'].entries()) {
    const yaml = `mapping: 1\nentities:\n  PurchaseOrder:\n    fields:\n      notes: {constant: ${text}}\n`;
    await stage.ask(SAVE, { input: { scope, expectedVersion: version, comment: `says ${text}`, yaml } });
  }
  const visit = await signedIn(stage, visits);
  const { page } = visit;
  await page.goto(`${stage.url}/console#/connections/${connection.id}/versions`);
  await page.getByText('says two').waitFor();
  await page.getByRole('button', { name: 'Show the difference' }).click();
  const difference = page.getByRole('region', { name: 'Difference' });
  await difference.getByText('PurchaseOrder.notes').waitFor();
  await visit.look('mappings-10-versions');

  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export as YAML' }).click()]);
  assert.match(file.suggestedFilename(), /^odoo-connection-v2\.yaml$/);
  const text = await readFile(await file.path(), 'utf8');
  assert.match(text, /^mapping: 1/m);
  assert.match(text, /two/);

  await page.getByRole('button', { name: 'Roll back to version 1', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('PurchaseOrder.notes').waitFor();
  await visit.look('mappings-11-roll-back');
  await dialog.getByRole('button', { name: 'Roll back' }).click();
  await page.getByText('Version 3', { exact: true }).waitFor();
  assert.equal((await orders(stage, connection, 'notes'))[0].notes, 'one');

  await page.getByRole('button', { name: 'Copy to other connections' }).click();
  await dialog.getByRole('checkbox', { name: new RegExp(other.name) }).check();
  await dialog.getByRole('button', { name: 'Copy' }).click();
  await dialog.getByText(': version 1.').waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();
  assert.equal((await orders(stage, other, 'notes'))[0].notes, 'one');

  // The same as YAML: a mistake is told at its line, a file is brought in.
  await page.getByRole('navigation', { name: 'Mappings' }).getByRole('link', { name: 'YAML' }).click();
  const area = page.getByLabel('Mapping as YAML');
  await area.waitFor();
  await area.fill('mapping: 1\nentities:\n  PurchaseOrder:\n    fields:\n      nots: comment\n');
  const line = page.getByRole('button', { name: /^Line 5/ });
  await line.waitFor();
  await visit.look('mappings-12-yaml');
  await line.click();
  assert.equal(await area.evaluate(element => element.value.slice(element.selectionStart, element.selectionEnd).trim()), 'nots: comment');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('Not saved. Please mend this first:').waitFor();
  await page.locator('input[type=file]').setInputFiles({ name: 'mine.yaml', mimeType: 'application/yaml', buffer: Buffer.from(text) });
  await page.getByRole('region', { name: 'Preview' }).locator('ins').filter({ hasText: 'two' }).first().waitFor();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('Version 4 of the layer.').waitFor();
  assert.equal((await orders(stage, connection, 'notes'))[0].notes, 'two');

  // A layer for all connections of the system.
  await page.getByRole('button', { name: 'Everybody' }).click();
  await page.getByText('Nothing was saved in this layer yet.').waitFor();
}

export async function four_hundred_fields_stay_fluid(stage, visits) {
  const connection = await stage.connect('odoo', 'c-76', 'Wide Mill');
  const custom = Array.from({ length: 400 }, (_, index) => `      own${index}: {type: string, source: name}`).join('\n');
  const input = { scope: { connectionId: connection.id }, expectedVersion: 0, yaml: `mapping: 1\nentities:\n  PurchaseOrder:\n    custom:\n${custom}\n` };
  const { saveMapping: made } = await stage.ask(SAVE, { input: { ...input, acceptWarnings: true } });
  assert.equal(made.layer?.version, 1, JSON.stringify(made.problems));
  const visit = await signedIn(stage, visits);
  const { page } = visit;
  await entity(stage, visit, connection, 'PurchaseOrder');
  await page.getByRole('button', { name: 'Edit own399', exact: true }).waitFor();
  const longest = await page.evaluate(async () => {
    const search = document.querySelector('#main input[type=search]');
    let most = 0;
    for (const text of ['o', 'ow', 'own', 'own3', 'own39', '']) {
      const began = performance.now();
      search.value = text;
      search.dispatchEvent(new Event('input', { bubbles: true }));
      await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
      most = Math.max(most, performance.now() - began);
    }
    return most;
  });
  assert.ok(longest < 500, `a key press took ${Math.round(longest)} ms`);
  await page.getByRole('searchbox').fill('own399');
  await until('one row', async () => (await page.getByRole('button', { name: /^Edit / }).count()) === 1);
  await visit.look('mappings-13-wide');
  // Fields of one's own are in the model of the whole organization: the other parts go on without these.
  await stage.ask(SAVE, { input: { scope: input.scope, expectedVersion: 1, yaml: 'mapping: 1' } });
}
