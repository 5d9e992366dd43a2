// Links that do not work, and visits that lead nowhere.
import assert from 'node:assert/strict';
import { enter, failure, send } from '../fill.mjs';

export async function an_expired_link_tells_whom_to_ask(stage, visits) {
  const visit = await visits.visit({ allowed: [410] });
  const { page } = visit;
  const { url } = await stage.link({ ttlSeconds: 1, redirectUrl: `${stage.backend.url}/connected` });
  await new Promise(done => setTimeout(done, 1100));
  await page.goto(url);
  await visit.heading('This link has expired');
  await page.getByText('Ask Plantwise for a new one').waitFor();
  assert.equal(await page.getByRole('link', { name: 'Back to Plantwise' }).getAttribute('href'), `${stage.backend.url}/connected`);
  await visit.look('ends-1-expired');
}

export async function a_used_link_works_in_no_other_browser(stage, visits) {
  const first = await visits.visit();
  const { url } = await stage.link({ connector: 'tryton', locale: 'fr', customer: { externalId: 'c-30', name: 'Moulin du Lac' } });
  await first.page.goto(url);
  await first.heading('Connecter Tryton');
  const { settings, credentials } = await stage.systems.tryton.credentials();
  await enter(first.page, { ...settings, ...credentials });
  await send(first.page);
  await first.heading('Tryton of Moulin du Lac est connecté');
  const second = await visits.visit({ allowed: [410] });
  await second.page.goto(url);
  await second.heading('Ce lien a déjà été utilisé');
  await second.look('ends-2-used-french');
}

export async function withdrawn_and_unknown_links_say_so(stage, visits) {
  const visit = await visits.visit({ allowed: [404, 410] });
  const { id, url } = await stage.link();
  await stage.ask('mutation($id: ID!) { revokeLink(id: $id) }', { id });
  await visit.page.goto(url);
  await visit.heading('This link does not work');
  await visit.page.getByText('Plantwise').first().waitFor();
  await visit.page.goto(`${url.slice(0, -1)}${url.endsWith('A') ? 'B' : 'A'}`);
  await visit.heading('This link does not work');
  await visit.look('ends-3-unknown');
}

export async function too_many_tries_end_a_link(stage, visits) {
  const visit = await visits.visit({ allowed: [410] });
  const { page } = visit;
  await page.goto((await stage.link({ connector: 'tryton' })).url);
  await visit.heading('Connect Tryton');
  const { settings, credentials } = await stage.systems.tryton.credentials();
  for (const left of ['You have 2 more tries.', 'You have one more try.', null]) {
    await enter(page, { ...settings, ...credentials, password: `wrong ${left}` });
    await send(page);
    if (left) assert.ok((await failure(page)).includes(left));
  }
  await visit.heading('Too many tries');
  await page.reload();
  await visit.heading('Too many tries');
  await visit.look('ends-4-tries');
}

export async function a_link_that_another_browser_took_over_says_so(stage, visits) {
  const [first, second] = [await visits.visit({ allowed: [403] }), await visits.visit()];
  const { url } = await stage.link({ connector: 'tryton' });
  await first.page.goto(url);
  await first.heading('Connect Tryton');
  await second.page.goto(url);
  await second.heading('Connect Tryton');
  const { settings, credentials } = await stage.systems.tryton.credentials();
  await enter(first.page, { ...settings, ...credentials });
  await send(first.page);
  assert.match(await failure(first.page), /This link was opened in another browser/);
}

export async function who_cancels_goes_back_with_an_error(stage, visits) {
  const visit = await visits.visit();
  const { page } = visit;
  await page.goto((await stage.link({ redirectUrl: `${stage.backend.url}/connected` })).url);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
  assert.equal(new URL(page.url()).searchParams.get('error'), 'cancelled');

  await page.goto((await stage.link()).url);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await visit.heading('Nothing was connected');
}
