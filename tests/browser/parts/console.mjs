// The console of the organization's staff.
import assert from 'node:assert/strict';
import { until } from '../stage.mjs';
import { signedIn } from '../visit.mjs';

export async function only_a_key_of_the_organization_opens_it(stage, visits) {
  const connection = await stage.connect('odoo', 'c-40', 'West Mill');
  const visit = await visits.visit({ allowed: [401] });
  const { page } = visit;
  await page.goto(`${stage.url}/console`);
  const enter = async key => {
    await page.getByLabel('Key of the organization').fill(key);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  await enter('lsk_wrong');
  await page.getByText('The key is not accepted').waitFor();
  await visit.look('console-1-refused');
  await enter(connection.token);
  await page.getByText('it belongs to a single connection').waitFor();
  await enter(stage.key);
  await visit.heading('Connections');
  await page.reload();
  await visit.heading('Connections');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Key of the organization').waitFor();
}

export async function a_change_of_status_shows_without_reload(stage, visits) {
  const { tryton } = stage.systems;
  const connection = await stage.connect('tryton', 'c-41', 'East Mill');
  const visit = await signedIn(stage, visits);
  const { page } = visit;
  const row = page.getByRole('row', { name: /East Mill/ });
  await row.getByText('active', { exact: true }).waitFor();
  await page.evaluate(() => (window.isSame = true));
  const { credentials } = await tryton.control('credentials/expire');
  await stage.graphql('{ vendors(first: 1) { nodes { name } } }', {}, connection.token);
  await row.getByText('reauth required', { exact: true }).waitFor();
  await visit.look('console-2-connections');

  await row.getByRole('link').first().click();
  await visit.heading(/East Mill/);
  await page.getByText('Somebody must sign in again').waitFor();
  assert.equal(await page.getByLabel('Reconnect link').inputValue(), (await stage.status(connection.id)).reconnectUrl);
  await visit.look('console-3-waits');
  await page.getByRole('button', { name: 'Diagnose' }).click();
  await page.getByRole('region', { name: 'Diagnosis' }).locator('li.failed').first().waitFor();
  await visit.look('console-4-diagnosis-failed');

  const query = 'mutation($id: ID!, $credentials: JSON!) { updateConnectionCredentials(input: { connectionId: $id, credentials: $credentials }) { connection { status } } }';
  await stage.ask(query, { id: connection.id, credentials });
  await page.getByRole('heading', { level: 1 }).getByText('active').waitFor();
  await page.getByRole('table', { name: 'History' }).getByText('connection.reauthorized').waitFor();
  assert.ok(await page.evaluate(() => window.isSame), 'nothing was loaded again');
}

export async function a_connection_is_diagnosed_paused_rotated_and_disconnected(stage, visits) {
  const connection = await stage.connect('odoo', 'c-42', 'Hill Mill');
  const visit = await signedIn(stage, visits);
  const { page } = visit;
  await page.goto(`${stage.url}/console#/connections/${connection.id}`);
  await visit.heading(/Hill Mill/);
  await page.getByRole('button', { name: 'Diagnose' }).click();
  const report = page.getByRole('region', { name: 'Diagnosis' });
  await report.locator('li.ok').first().waitFor();
  await visit.look('console-5-diagnosis');
  await report.getByRole('button', { name: 'Close' }).click();

  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('heading', { level: 1 }).getByText('paused').waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('heading', { level: 1 }).getByText('active').waitFor();

  await page.getByRole('button', { name: 'Rotate', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('combobox').selectOption({ label: 'at once' });
  await dialog.getByRole('button', { name: 'Rotate' }).click();
  const secret = await dialog.getByLabel('New token').inputValue();
  await visit.look('console-6-new-token');
  await dialog.getByRole('button', { name: 'Done' }).click();
  const read = '{ connections { nodes { id } } }';
  assert.equal((await stage.ask(read, {}, secret)).connections.nodes.length, 1);
  assert.ok((await stage.graphql(read, {}, connection.token)).errors, 'the old token has ended');

  await page.getByRole('button', { name: /^Revoke/ }).first().click();
  await dialog.getByRole('button', { name: 'Revoke' }).click();
  await page.getByText('No token is valid.').waitFor();

  await page.getByRole('button', { name: 'Disconnect' }).click();
  await dialog.getByRole('textbox').fill('something else');
  await dialog.getByRole('button', { name: 'Disconnect' }).click();
  await dialog.getByText('The name does not match.').waitFor();
  await visit.look('console-7-disconnect');
  await dialog.getByRole('textbox').fill(connection.name);
  await dialog.getByRole('button', { name: 'Disconnect' }).click();
  await page.getByRole('heading', { level: 1 }).getByText('disconnected').waitFor();
  await page.getByRole('button', { name: 'Delete' }).waitFor();
  await page.getByRole('table', { name: 'History' }).getByText('connection.disconnected').waitFor();
  await visit.look('console-8-disconnected');
}

export async function a_link_is_made_with_its_price(stage, visits) {
  const visit = await signedIn(stage, visits);
  const { page } = visit;
  await page.getByRole('navigation').getByRole('link', { name: 'Connect a customer' }).click();
  await visit.heading('Connect a customer');
  await page.getByRole('row', { name: /Tryton/ }).getByRole('checkbox').check();
  await page.getByLabel('Customer id').fill('c-43');
  await page.getByLabel('Customer name').fill('Lake Mill');
  await page.getByRole('button', { name: 'Create link' }).click();
  const url = await page.getByLabel('Connect link').inputValue();
  await visit.look('console-9-link');
  const customer = await visits.visit({ allowed: [410] });
  await customer.page.goto(url);
  await customer.heading('Connect Tryton');
  await page.getByRole('button', { name: 'Withdraw it' }).click();
  await page.getByText('The link was withdrawn.').waitFor();
  await customer.page.reload();
  await customer.heading('This link does not work');
}

export async function an_endpoint_is_added_tried_and_its_deliveries_are_shown(stage, visits) {
  const visit = await signedIn(stage, visits);
  const { page } = visit;
  await page.getByRole('navigation').getByRole('link', { name: 'Webhooks' }).click();
  await visit.heading('Webhooks');
  await page.getByText('No endpoint yet.').waitFor();
  await page.getByRole('button', { name: 'Add an endpoint' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Address').fill('ftp://nowhere');
  await dialog.getByRole('button', { name: 'Add' }).click();
  await dialog.getByRole('alert').waitFor();
  await dialog.getByLabel('Address').fill(`${stage.backend.url}/hooks`);
  await dialog.getByLabel('Description').fill('Our backend');
  await visit.look('console-10-endpoint');
  await dialog.getByRole('button', { name: 'Add' }).click();
  assert.match(await dialog.getByLabel('Secret').inputValue(), /^whsec_/);
  await dialog.getByRole('button', { name: 'Done' }).click();

  await page.getByRole('link', { name: `${stage.backend.url}/hooks` }).click();
  await visit.heading(`${stage.backend.url}/hooks`);
  await page.getByRole('button', { name: 'Send a test' }).click();
  await until('the test', async () => stage.backend.received.length === 1);
  const deliveries = page.getByRole('table', { name: 'Deliveries' });
  await until('the delivery', async () => {
    await page.getByRole('button', { name: 'Refresh' }).click();
    return deliveries.getByText('delivered', { exact: true }).isVisible();
  });
  await visit.look('console-11-deliveries');
  await deliveries.getByRole('link').first().click();
  await page.getByRole('heading', { name: 'Attempt', exact: false }).or(page.getByText('Attempt 1')).first().waitFor();
  await visit.look('console-12-delivery');

  // What happens from now on comes by itself.
  const list = () => page.getByRole('link', { name: 'Deliveries' }).click();
  await list();
  await visit.heading(`${stage.backend.url}/hooks`);
  const made = await stage.connect('odoo', 'c-44', 'Brook Mill');
  await deliveries.getByRole('row', { name: /connection.activated/ }).getByRole('link').click();
  await visit.heading(/connection.activated/);
  const sent = () => stage.backend.received.filter(({ body }) => body.includes('connection.activated') && body.includes(made.id));
  await until('the event', async () => sent().length === 1);
  await page.getByRole('button', { name: 'Deliver again' }).click();
  const [first, second] = await until('the repetition', async () => sent().length === 2 && sent());
  assert.equal(first.headers['webhook-id'], second.headers['webhook-id'], 'a repetition keeps its id');
  await list();
  await page.getByRole('button', { name: 'Rotate the secret' }).click();
  await dialog.getByRole('button', { name: 'Rotate' }).click();
  await dialog.getByText('Old secrets sign until').waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('button', { name: 'Disable' }).click();
  await page.getByRole('button', { name: 'Enable' }).waitFor();
  const missed = await stage.connect('odoo', 'c-45', 'Sea Mill');
  await page.getByRole('button', { name: 'Enable' }).click();
  await dialog.getByText('While it was switched off it missed').waitFor();
  await visit.look('console-13-replay');
  await dialog.getByRole('button', { name: 'Replay' }).click();
  await until('what was missed', async () => stage.backend.received.some(({ body }) => body.includes(missed.id)));
}

export async function credits_and_acts_are_listed(stage, visits) {
  const visit = await signedIn(stage, visits, { colorScheme: 'dark' });
  const { page } = visit;
  const go = name => page.getByRole('navigation').getByRole('link', { name }).click();
  await go('Credits');
  await visit.heading('Credits');
  const ledger = page.getByRole('table', { name: 'Ledger' });
  await ledger.getByText('granted').waitFor();
  await ledger.getByText('reserved').first().waitFor();
  await visit.look('console-14-credits-dark');
  await go('Audit log');
  await visit.heading('Audit log');
  const acts = page.getByRole('table', { name: 'Audit log' });
  await acts.getByRole('row').nth(2).waitFor();
  await page.getByLabel('Act').fill('link.create');
  await page.getByRole('button', { name: 'Filter' }).click();
  await acts.getByText('token.rotate').waitFor({ state: 'detached' });
  await acts.getByText('link.create').first().waitFor();
  await visit.look('console-15-audit-dark');
}
