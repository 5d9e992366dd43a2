// A customer connects a system.
import assert from 'node:assert/strict';
import { choose, enter, failure, send } from '../fill.mjs';

export async function a_wrong_password_is_told_and_the_right_one_connects(stage, visits) {
  const visit = await visits.visit();
  const { page } = visit;
  const { url } = await stage.link({ redirectUrl: `${stage.backend.url}/connected?tenant=7` });
  await page.goto(url);
  await visit.heading('Which system do you want to connect?');
  assert.match(await page.title(), /Plantwise/);
  await visit.look('connect-1-systems');
  await page.getByRole('searchbox').fill('trytn');
  await page.getByText('No system fits this search.').waitFor();
  await choose(page, 'tryton', /Tryton/);
  await visit.heading('Connect Tryton');
  await visit.look('connect-2-form');

  await send(page);
  await page.getByText('Please fill in “Address of the server”.').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.name), 'base_url', 'the first wrong field has the focus');

  const { settings, credentials } = await stage.systems.tryton.credentials();
  await enter(page, { ...settings, ...credentials, password: 'not the password' });
  await send(page);
  const told = await failure(page);
  assert.match(told, /Tryton did not accept the sign-in/);
  assert.match(told, /You have 2 more tries/);
  assert.equal(await page.locator('[name=base_url]').inputValue(), settings.base_url, 'what was entered is kept');
  assert.equal(await page.locator('[name=password]').getAttribute('aria-invalid'), 'true');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'password');
  await visit.look('connect-3-wrong-password');

  await enter(page, { password: credentials.password });
  await send(page);
  await visit.heading('Tryton of North Mill is connected');
  await visit.look('connect-4-done');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
  const back = new URL(page.url());
  assert.equal(back.searchParams.get('tenant'), '7');

  const code = back.searchParams.get('code');
  const exchanged = await stage.exchange(code);
  assert.equal(exchanged.status, 200);
  assert.deepEqual(exchanged.customer, { externalId: 'c-17', name: 'North Mill' });
  const data = await stage.ask('{ connections { nodes { id status } } vendors(first: 1) { nodes { name } } }', {}, exchanged.token);
  assert.deepEqual(data.connections.nodes, [{ id: exchanged.connectionId, status: 'ACTIVE' }]);
  assert.equal(data.vendors.nodes.length, 1);
  assert.equal((await stage.exchange(code)).code, 'CODE_INVALID', 'a code works once');
}

export async function an_account_without_a_right_connects_with_a_warning(stage, visits) {
  const visit = await visits.visit();
  const { page } = visit;
  const { odoo } = stage.systems;
  await odoo.control('deny', 'POST', { entity: 'WorkOrder' });
  const { url } = await stage.link({ connector: 'odoo' });
  await page.goto(url);
  await visit.heading('Connect Odoo');
  const { settings, credentials } = await odoo.credentials();
  await enter(page, { ...settings, ...credentials });
  await send(page);
  await visit.heading('Odoo of North Mill is connected');
  await page.getByText('Work order: the account has no permission to read it').waitFor();
  await page.getByText('You can close this page.').waitFor();
  await visit.look('connect-5-warning');
  await page.reload();
  await visit.heading('Odoo of North Mill is connected');
  await odoo.control('allow', 'POST', { entity: 'WorkOrder' });
}

export async function a_wrong_address_is_told_at_its_field(stage, visits) {
  const visit = await visits.visit({ colorScheme: 'dark' });
  const { page } = visit;
  await page.goto((await stage.link({ connector: 'tryton', locale: 'de' })).url);
  await visit.heading('Tryton verbinden');
  assert.equal(await page.locator('html').getAttribute('lang'), 'de');
  const { settings, credentials } = await stage.systems.tryton.credentials();
  await enter(page, { ...settings, ...credentials, base_url: 'http://127.0.0.1:9' });
  await send(page);
  assert.match(await failure(page), /Die Adresse ist nicht erreichbar/);
  assert.equal(await page.locator('[name=base_url]').getAttribute('aria-invalid'), 'true');
  await visit.look('connect-6-german-dark');
}

export async function the_page_works_by_keyboard_alone(stage, visits) {
  const visit = await visits.visit();
  const { page } = visit;
  await page.goto((await stage.link({ customer: { externalId: 'c-18', name: 'Keyboard Mill' } })).url);
  await visit.heading('Which system do you want to connect?');
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  await press('Tab');
  await page.keyboard.type('tryton');
  await press('ArrowDown', 'Enter');
  await visit.heading('Connect Tryton');
  const { settings, credentials } = await stage.systems.tryton.credentials();
  const values = { ...settings, ...credentials };
  const left = new Set(['base_url', 'database', 'username', 'password']);
  for (let steps = 0; left.size > 0 && steps < 40; steps += 1) {
    await press('Tab');
    const name = await page.evaluate(() => document.activeElement.name);
    if (left.delete(name)) await page.keyboard.type(values[name]);
  }
  assert.equal(left.size, 0, `not reached: ${[...left]}`);
  await press('Enter');
  await visit.heading('Tryton of Keyboard Mill is connected');
}
