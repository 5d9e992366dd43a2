// A customer signs in at the system's own page.
import assert from 'node:assert/strict';
import { failure, send, signInElsewhere } from '../fill.mjs';

export async function declining_loses_nothing_and_accepting_connects(stage, visits) {
  const visit = await visits.visit();
  const { page } = visit;
  await page.goto((await stage.link({ connector: 'dynamics-365-fo', redirectUrl: `${stage.backend.url}/connected` })).url);
  await visit.heading('Connect Dynamics 365 Finance and Operations');
  const account = await signInElsewhere(page, stage);
  await page.getByRole('heading', { name: 'Sign in to Lakeside' }).waitFor();
  await page.getByRole('button', { name: 'Decline' }).click();

  const told = await failure(page);
  assert.match(told, /The sign-in was not completed/);
  assert.ok(await page.getByLabel('Sign in with Microsoft').isChecked(), 'the way is kept');
  const { settings } = await stage.systems.dynamics.credentials();
  assert.equal(await page.locator('[name=base_url]').inputValue(), settings.base_url, 'the settings are kept');
  await visit.look('sign-in-1-declined');

  await send(page);
  await page.getByLabel('Password').fill(account.password);
  await page.getByRole('button', { name: 'Sign in and accept' }).click();
  await visit.heading('Dynamics 365 Finance and Operations of North Mill is connected');
  await visit.look('sign-in-2-done');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
  const exchanged = await stage.exchange(new URL(page.url()).searchParams.get('code'));
  const data = await stage.ask('{ vendors(first: 1) { nodes { name } } }', {}, exchanged.token);
  assert.equal(data.vendors.nodes.length, 1);
}
