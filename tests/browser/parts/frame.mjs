// The page in a frame of the organization's own application.
import assert from 'node:assert/strict';
import { enter, failure, send, signInElsewhere } from '../fill.mjs';
import { until } from '../stage.mjs';

async function embedded(stage, page, options) {
  const { url } = await stage.link({ frameOrigins: [stage.backend.url], redirectUrl: `${stage.backend.url}/connected`, ...options });
  await page.goto(`${stage.backend.url}/embed#${encodeURIComponent(url)}`);
  return page.frameLocator('iframe');
}

const types = page => page.evaluate(() => [...new Set(window.heard.map(({ type }) => type))]);

async function connected(stage, page) {
  const message = await until('the message', () => page.evaluate(() => window.heard.find(({ type }) => type === 'connected')));
  assert.equal(message.origin, stage.url);
  assert.equal(message.source, 'lineshaft');
  assert.equal((await stage.exchange(message.code)).status, 200);
  assert.match(page.url(), /\/embed#/, 'the window around the frame stays');
}

export async function the_page_around_is_told_what_happens(stage, visits) {
  const visit = await visits.visit();
  const { page } = visit;
  const frame = await embedded(stage, page, { connector: 'tryton' });
  const { settings, credentials } = await stage.systems.tryton.credentials();
  await frame.getByRole('heading', { name: 'Connect Tryton' }).waitFor();
  await enter(frame, { ...settings, ...credentials, password: 'wrong' });
  await send(frame);
  await failure(frame);
  assert.deepEqual(await page.evaluate(() => window.heard.find(({ type }) => type === 'failed').code), 'INVALID_CREDENTIALS');
  await enter(frame, { password: credentials.password });
  await send(frame);
  await frame.getByRole('heading', { name: 'Tryton of North Mill is connected' }).waitFor();
  await connected(stage, page);
  assert.deepEqual(await types(page), ['ready', 'resize', 'failed', 'connected']);
  await visit.picture('frame-1-done');
  await visit.axe(page.frames()[1], 'frame-1-done');
}

export async function signing_in_opens_a_window_that_closes_by_itself(stage, visits) {
  for (const cookie of ['with its cookie', 'without its cookie']) {
    const visit = await visits.visit();
    const { page, context } = visit;
    const frame = await embedded(stage, page, { connector: 'dynamics-365-fo' });
    await frame.getByRole('heading', { name: 'Connect Dynamics' }).waitFor();
    const opened = context.waitForEvent('page');
    const account = await signInElsewhere(frame, stage);
    const popup = await opened;
    await popup.getByLabel('Password').fill(account.password);
    const cookies = await context.cookies(`${stage.url}/connect`);
    if (cookie === 'without its cookie') {
      // A browser that keeps cookies of frames apart sends the window none; the frame does not ask meanwhile.
      await frame.getByRole('heading', { name: 'Sign in in the other window' }).waitFor();
      await visit.axe(page.frames()[1], 'frame-2-window');
      await visit.picture('frame-2-window');
      await context.route('**/state', route => route.fulfill({ status: 503, body: '{}' }));
      visit.allowed.push(503);
      await context.clearCookies();
    }
    await Promise.all([popup.waitForEvent('close'), popup.getByRole('button', { name: 'Sign in and accept' }).click()]);
    await context.addCookies(cookies);
    await context.unroute('**/state');
    await frame.getByRole('heading', { name: 'Dynamics 365 Finance and Operations of North Mill is connected' }).waitFor();
    await connected(stage, page);
    await visits.end();
  }
}

export async function another_page_may_not_frame_it(stage, visits) {
  const visit = await visits.visit();
  const { page } = visit;
  const refused = [];
  page.on('console', message => refused.push(message.text()));
  await embedded(stage, page, { connector: 'tryton', frameOrigins: ['https://app.example.com'] });
  await until('the refusal', async () => refused.some(text => text.includes('frame-ancestors')));
  visit.wrong.length = 0;
}
