// The log of writes in the console: what succeeded, what failed, what is in doubt, and how writes are switched off.
import assert from 'node:assert/strict';
import { until } from '../stage.mjs';
import { signedIn } from '../visit.mjs';

const CREATE = `mutation($connection: ID!, $input: CreateAssetInput!, $key: String) {
  createAsset(connectionId: $connection, input: $input, idempotencyKey: $key) { outcome operation { id } asset { remoteId } }
}`;
const PARENT = 'mutation($id: ID!, $input: UpdateAssetInput!) { updateAsset(id: $id, input: $input) { outcome } }';

/** Connects a plant whose assets can be made, and finds a place and an asset of it. */
async function plant(stage, externalId, name) {
  const connection = await stage.connect('limble', externalId, name);
  const query = '{ locations(first: 1) { nodes { id } } assets(first: 1) { nodes { id } } }';
  const { locations, assets } = await stage.ask(query, {}, connection.token);
  const create = async (asset, key) => {
    const input = { name: asset, location: locations.nodes[0].id };
    return (await stage.ask(CREATE, { connection: connection.id, input, key })).createAsset;
  };
  return { ...connection, asset: assets.nodes[0].id, create };
}

export async function what_succeeded_and_what_failed_comes_by_itself(stage, visits) {
  const mill = await plant(stage, 'c-60', 'Pine Mill');
  const visit = await signedIn(stage, visits);
  const { page } = visit;
  await page.getByRole('navigation').getByRole('link', { name: 'Writes' }).click();
  await visit.heading('Writes');
  await page.getByLabel('Connection').selectOption({ label: mill.name });
  await page.getByText('No write fits these filters.').waitFor();

  const made = await mill.create('Pump P-101', 'pump-101');
  assert.equal(made.outcome, 'SUCCEEDED');
  const log = page.getByRole('table', { name: 'Writes' });
  const row = name => log.getByRole('row', { name });
  const refused = await stage.ask(PARENT, { id: mill.asset, input: { parent: mill.asset } });
  assert.equal(refused.updateAsset.outcome, 'FAILED');
  await stage.ask(CREATE, { connection: mill.id, input: { name: 'Pump P-102' } });
  await row(/Create asset.*succeeded/).getByText(made.asset.remoteId).waitFor();
  await row(/Update asset.*failed/).getByText('An asset cannot be its own ancestor').waitFor();
  await row(/Create asset.*failed.*location is needed/).waitFor();
  await visit.look('writes-1-log');

  await row(/Create asset.*succeeded/).getByRole('link').first().click();
  await visit.heading(/Create asset/);
  const request = page.getByRole('region', { name: 'Request 1' });
  await request.getByText('/v2/assets').waitFor();
  await request.getByText('"name": "Pump P-101"').waitFor();
  await request.getByText('3 headers').click();
  await request.getByText('authorization: ***').waitFor();
  await page.getByText('pump-101', { exact: true }).waitFor();
  await visit.look('writes-2-succeeded');

  await page.getByRole('link', { name: 'Writes' }).last().click();
  await page.getByLabel('Outcome').selectOption('failed');
  await row(/succeeded/).waitFor({ state: 'detached' });
  await page.getByLabel('Operation').selectOption('update');
  await row(/location is needed/).waitFor({ state: 'detached' });
  await row(/Update asset/).getByRole('link').first().click();
  await visit.heading(/Update asset/);
  await page.getByText('Nothing was carried out').waitFor();
  await page.getByText('BUSINESS_RULE').waitFor();
  await visit.look('writes-3-failed');

  // The way back and a reload keep the filters.
  await page.getByRole('link', { name: 'Writes' }).last().click();
  await row(/Update asset/).waitFor();
  await page.reload();
  await row(/Update asset/).waitFor();
  assert.equal(await log.getByRole('row').count(), 2);
  await page.getByLabel('Since').selectOption({ label: 'the last hour' });
  await page.getByLabel('Entity').selectOption('Vendor');
  await page.getByText('No write fits these filters.').waitFor();
}

export async function a_write_in_doubt_is_settled(stage, visits) {
  const mill = await plant(stage, 'c-61', 'Birch Mill');
  const cut = () => stage.systems.limble.control('fault', 'PUT', { kind: 'cut_after', writes: true, times: 1 });
  const visit = await signedIn(stage, visits);
  const { page } = visit;
  const dialog = page.getByRole('dialog');
  await page.goto(`${stage.url}/console#/writes?connection=${mill.id}`);
  await visit.heading('Writes');
  await cut();
  const first = await mill.create('Fan F-7', 'fan-7');
  assert.equal(first.outcome, 'IN_DOUBT');
  await page.getByRole('table', { name: 'Writes' }).getByRole('link', { name: 'Create asset' }).click();
  await page.getByText('It is not known whether the system carried it out').waitFor();
  await visit.look('writes-4-in-doubt');
  await page.getByRole('button', { name: 'It was carried out' }).click();
  await dialog.getByText('fan-7').waitFor();
  await dialog.getByLabel('Id of the new record').fill('10077');
  await visit.look('writes-5-carried-out');
  await dialog.getByRole('button', { name: 'Mark as succeeded' }).click();
  await page.getByRole('heading', { level: 1 }).getByText('succeeded').waitFor();
  await page.getByText('by console, who told').waitFor();
  await page.getByText('10077', { exact: true }).waitFor();
  await visit.look('writes-6-settled');
  const again = await mill.create('Fan F-7', 'fan-7');
  assert.deepEqual([again.outcome, again.operation.id], ['SUCCEEDED', first.operation.id], 'the key tells the outcome');

  await cut();
  const second = await mill.create('Fan F-8', 'fan-8');
  await page.goto(`${stage.url}/console#/writes/${second.operation.id}`);
  await page.getByRole('button', { name: 'It was not carried out' }).click();
  await dialog.getByText('is free again').waitFor();
  await visit.look('writes-7-not-carried-out');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'It was not carried out' }).click();
  await dialog.getByRole('button', { name: 'Mark as failed' }).click();
  await page.getByRole('heading', { level: 1 }).getByText('failed').waitFor();
  const third = await mill.create('Fan F-8', 'fan-8');
  assert.equal(third.outcome, 'SUCCEEDED', 'the key is free again');

  // Somebody else is quicker: the page is told.
  await cut();
  const last = await mill.create('Fan F-9', 'fan-9');
  await page.goto(`${stage.url}/console#/writes/${last.operation.id}`);
  await page.getByRole('button', { name: 'It was carried out' }).waitFor();
  await stage.ask('mutation($id: ID!) { settleWrite(id: $id, verdict: FAILED) { id } }', { id: last.operation.id });
  await page.getByRole('heading', { level: 1 }).getByText('failed').waitFor();

  await page.goto(`${stage.url}/console#/connections/${mill.id}`);
  const history = page.getByRole('table', { name: 'History' });
  await history.getByText('write.in_doubt').first().waitFor();
  await history.getByRole('link', { name: 'Create asset' }).first().waitFor();
  await page.getByRole('navigation').getByRole('link', { name: 'Audit log' }).click();
  await page.getByRole('row', { name: /write.settle/ }).first().getByRole('link').click();
  await visit.heading(/Create asset/);
}

export async function a_connection_tells_what_it_takes_and_is_made_read_only(stage, visits) {
  const mill = await plant(stage, 'c-62', 'Alder Mill');
  await mill.create('Belt B-1');
  const visit = await signedIn(stage, visits);
  const { page } = visit;
  const dialog = page.getByRole('dialog');
  await page.goto(`${stage.url}/console#/connections/${mill.id}`);
  await visit.heading(/Alder Mill/);
  const latest = page.getByRole('table', { name: 'Latest writes' });
  await latest.getByRole('row', { name: /Create asset.*succeeded/ }).waitFor();

  await page.getByText('What can be written').click();
  const offer = page.getByRole('table', { name: 'What can be written' });
  await offer.getByRole('row', { name: /purchase order/ }).first().getByRole('button', { name: 'Receive purchase order' }).waitFor();
  await visit.look('writes-8-connection');
  await offer.getByRole('button', { name: 'Create asset' }).click();
  await dialog.getByRole('row', { name: /location.*required/ }).waitFor();
  await visit.look('writes-9-fields');
  await page.keyboard.press('Escape');

  const choose = async mode => {
    await page.getByRole('button', { name: 'Change the mode' }).click();
    await dialog.getByRole('radio', { name: mode }).check();
  };
  const save = async () => {
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
  };
  await choose('read-only');
  await visit.look('writes-10-mode');
  await save();
  // The closing dialog may still have the same words.
  const told = words => page.locator('p.mode').filter({ hasText: words }).waitFor();
  await told('Every write is refused, and nothing is sent.');
  const { errors } = await stage.graphql(CREATE, { connection: mill.id, input: { name: 'Belt B-2' } });
  assert.equal(errors[0].extensions.code, 'CONNECTION_READ_ONLY');

  // Where the operator of the server forbids it, the dialog stays and says why.
  await choose('simulated');
  const refusal = { data: null, errors: [{ message: 'this connection may not simulate writes', extensions: { code: 'SIMULATE_NOT_ALLOWED' } }] };
  const answer = route => (route.request().postData().includes('SetWriteMode') ? route.fulfill({ json: refusal }) : route.continue());
  await page.route('**/graphql', answer);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('may not be simulated').waitFor();
  await visit.look('writes-11-forbidden');
  await page.unroute('**/graphql', answer);
  await save();
  await told('For trials.');
  assert.equal((await mill.create('Belt B-3')).outcome, 'SUCCEEDED');
  await latest.getByText('simulated', { exact: true }).waitFor();
  await choose('enabled');
  await save();
  await told('Writes are sent to the system.');

  await page.getByRole('link', { name: 'All writes of this connection' }).click();
  await visit.heading('Writes');
  const log = page.getByRole('table', { name: 'Writes' });
  await until('the writes of the connection', async () => (await log.getByRole('row').count()) === 3);
  assert.equal(await page.getByLabel('Connection').inputValue(), mill.id);
}
