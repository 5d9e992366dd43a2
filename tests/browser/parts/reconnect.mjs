// A customer brings a connection back whose credentials have ended.
import assert from 'node:assert/strict';
import { enter, failure, send } from '../fill.mjs';
import { until } from '../stage.mjs';

const READ = '{ vendors(first: 1) { nodes { name } } }';

export async function the_same_account_brings_a_connection_back_and_another_does_not(stage, visits) {
  const { tryton } = stage.systems;
  const connection = await stage.connect('tryton', 'c-20', 'South Mill');
  const { credentials } = await tryton.control('credentials/expire');
  const refused = await stage.graphql(READ, {}, connection.token);
  assert.match(JSON.stringify(refused), /REAUTH_REQUIRED|INVALID_CREDENTIALS/);
  const { reconnectUrl } = await until('the need to sign in', async () => {
    const status = await stage.status(connection.id);
    return status.status === 'REAUTH_REQUIRED' && status;
  });

  const visit = await visits.visit({ allowed: [410] });
  const { page } = visit;
  await page.goto(reconnectUrl);
  await visit.heading(`Reconnect ${connection.name}`);
  await page.getByText('Tryton no longer accepts the stored sign-in.').waitFor();
  await visit.look('reconnect-1-form');

  const { second } = await tryton.credentials();
  await enter(page, second.credentials);
  await send(page);
  assert.match(await failure(page), /This is another account/);
  await visit.look('reconnect-2-mismatch');
  assert.equal((await stage.status(connection.id)).status, 'REAUTH_REQUIRED');

  // A setting that is emptied goes back to its default, with the others kept.
  await page.getByRole('button', { name: 'Change the settings' }).click();
  await enter(page, { vendor_codes: '', ...credentials });
  await send(page);
  await visit.heading(`${connection.name} works again`);
  await visit.look('reconnect-3-done');
  assert.equal((await stage.status(connection.id)).status, 'ACTIVE');
  assert.equal((await stage.ask(READ, {}, connection.token)).vendors.nodes.length, 1, 'the old token has its grace');

  await page.goto(reconnectUrl);
  await page.getByText('LINK_EXPIRED').waitFor();
  await visit.look('reconnect-4-late');

  const made = await stage.ask('mutation($id: ID!) { createReconnectLink(input: { connectionId: $id }) { url } }', { id: connection.id });
  await page.goto(made.createReconnectLink.url);
  await visit.heading(`Reconnect ${connection.name}`);
  await page.getByText('Enter the new sign-in for Tryton.').waitFor();
}
