// The page behind a settings link: a customer sees and changes the mappings of one connection.
import assert from 'node:assert/strict';
import { until } from '../stage.mjs';
import { signedIn } from '../visit.mjs';

const LINK = 'mutation($input: CreateSettingsLinkInput!) { createSettingsLink(input: $input) { id url } }';
const LAYER = 'query($scope: MappingScopeInput!) { mappingLayer(scope: $scope) { version author document } }';

const link = async (stage, connectionId, more = {}) => (await stage.ask(LINK, { input: { connectionId, branding: { name: 'Plantwise', color: '#b4530a' }, ...more } })).createSettingsLink;

/** Gives the notes of purchase orders a fixed value, and saves. */
async function fix(frame, value) {
  await frame.getByRole('link', { name: 'Purchase order', exact: true }).click();
  await frame.getByRole('button', { name: 'Edit notes', exact: true }).click();
  const dialog = frame.getByRole('dialog');
  await dialog.getByRole('button', { name: 'a fixed value' }).click();
  await dialog.getByLabel('Value', { exact: true }).fill(value);
  await dialog.getByText(/live records?\./).waitFor();
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
}

export async function a_customer_changes_the_layer_of_the_own_connection_until_the_link_is_withdrawn(stage, visits) {
  const connection = await stage.connect('odoo', 'c-80', 'Own Mill');
  const staff = await signedIn(stage, visits);
  await staff.page.goto(`${stage.url}/console#/connections/${connection.id}`);
  await staff.page.getByRole('button', { name: 'Settings link' }).click();
  const made = staff.page.getByRole('dialog');
  await staff.look('settings-1-make-a-link');
  await made.getByRole('button', { name: 'Create link' }).click();
  const url = await made.getByLabel('Settings link').inputValue();

  const visit = await visits.visit({ allowed: [401, 410] });
  const { page } = visit;
  await page.goto(url);
  await visit.heading('Fields and mappings');
  await page.getByRole('link', { name: 'Purchase order', exact: true }).waitFor();
  await page.getByText(/^You can work here until/).waitFor();
  await visit.look('settings-2-entities');
  await fix(page, 'by the customer');
  const { mappingLayer: layer } = await stage.ask(LAYER, { scope: { connectionId: connection.id } });
  assert.equal(layer.version, 1);
  assert.deepEqual(layer.document.entities.PurchaseOrder.fields.notes, { constant: 'by the customer' });
  const { purchaseOrders } = await stage.ask('{ purchaseOrders(first: 3) { nodes { notes } } }', {}, connection.token);
  assert.ok(purchaseOrders.nodes.every(({ notes }) => notes === 'by the customer'));
  await visit.look('settings-3-fields');
  assert.equal(await page.getByRole('button', { name: 'Everybody' }).count(), 0, 'other layers are not offered');

  // Loaded again it goes on; the versions are there.
  await page.reload();
  await page.getByRole('button', { name: 'Edit notes', exact: true }).waitFor();
  await page.getByRole('navigation', { name: 'Mappings' }).getByRole('link', { name: 'Versions' }).click();
  await page.getByText('Version 1', { exact: true }).waitFor();
  await visit.look('settings-4-versions');

  await made.getByRole('button', { name: 'Withdraw it' }).click();
  await made.getByText('have ended').waitFor();
  await page.getByRole('navigation', { name: 'Mappings' }).getByRole('link', { name: 'Entities' }).click();
  await page.getByText('This page has ended.').waitFor();
  await visit.look('settings-5-ended');
  await page.reload();
  await visit.heading('This link does not work');
}

export async function the_token_of_the_page_sees_nothing_else_and_writes_nothing(stage, visits) {
  const connection = await stage.connect('odoo', 'c-81', 'Near Mill');
  const other = await stage.connect('odoo', 'c-82', 'Far Mill');
  const { url } = await link(stage, connection.id);
  const visit = await visits.visit();
  const { page } = visit;
  const [answer] = await Promise.all([page.waitForResponse(response => response.url().endsWith('/settings')), page.goto(url)]);
  const { token } = await answer.json();
  await visit.heading('Fields and mappings');
  const code = async (query, variables) => (await stage.graphql(query, variables, token)).errors?.[0].extensions.code;
  const layerOf = scope => code('query($scope: MappingScopeInput!) { mappingLayer(scope: $scope) { version } }', { scope });
  assert.equal(await layerOf({ connectionId: connection.id }), undefined);
  assert.equal(await layerOf({ connector: 'odoo' }), 'MAPPING_SCOPE_INVALID');
  assert.ok(['MAPPING_SCOPE_INVALID', 'CONNECTION_NOT_FOUND'].includes(await layerOf({ connectionId: other.id })));
  assert.equal(await code('mutation($id: ID!) { pauseConnection(id: $id) { id } }', { id: connection.id }), 'FORBIDDEN');
  assert.equal(await code('mutation($input: CreateSettingsLinkInput!) { createSettingsLink(input: $input) { id } }', { input: { connectionId: connection.id } }), 'FORBIDDEN');
  const write = 'mutation($id: ID!) { createVendor(connectionId: $id, input: { name: "Nobody" }) { outcome } }';
  assert.equal(await code(write, { id: connection.id }), 'FORBIDDEN');
}

export async function the_page_around_a_frame_is_told_of_what_was_saved(stage, visits) {
  const connection = await stage.connect('odoo', 'c-83', 'Frame Mill');
  const { url } = await link(stage, connection.id, { frameOrigins: [stage.backend.url] });
  const visit = await visits.visit();
  const { page } = visit;
  await page.goto(`${stage.backend.url}/embed#${encodeURIComponent(url)}`);
  const frame = page.frameLocator('iframe');
  await frame.getByRole('heading', { name: 'Fields and mappings' }).waitFor();
  await fix(frame, 'in a frame');
  const message = await until('the message', () => page.evaluate(() => window.heard.find(({ type }) => type === 'saved')));
  assert.deepEqual(message, { origin: stage.url, source: 'lineshaft', type: 'saved', version: 1 });
  await visit.picture('settings-6-frame');
  await visit.axe(page.frames()[1], 'settings-6-frame');
}
