// Browsers and their pages: every error, refusal of the policy and request elsewhere is collected, and a state is looked
// at as a whole: accessibility, width on the narrowest phone, and a picture.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { axe, chromium, home } from './modules.mjs';

const WIDE = { width: 1200, height: 860 };
const NARROW = { width: 320, height: 640 };
const OPTIONS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export class Visits {
  open = [];

  static async start() {
    await mkdir(`${home}/shots`, { recursive: true });
    const visits = new Visits();
    visits.browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: OPTIONS });
    return visits;
  }

  /** Opens a browser of its own, with its own cookies. `allowed` are HTTP statuses that are part of the part. */
  async visit({ allowed = [], ...options } = {}) {
    const context = await this.browser.newContext({ viewport: WIDE, locale: 'en-GB', timezoneId: 'Europe/Berlin', reducedMotion: 'reduce', ...options });
    context.setDefaultTimeout(15_000);
    const visit = new Visit(context, allowed);
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', event => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
    });
    context.on('page', page => visit.watch(page));
    visit.page = await context.newPage();
    this.open.push(visit);
    return visit;
  }

  /** Closes all browsers; what went wrong unseen fails the part. */
  async end() {
    const open = this.open.splice(0);
    const wrong = open.flatMap(visit => visit.wrong);
    for (const visit of open) await visit.context.close();
    assert.deepEqual(wrong, []);
  }

  async fail(name) {
    for (const [index, visit] of this.open.splice(0).entries()) {
      await visit.page.screenshot({ path: `${home}/shots/${name}-${index}.png`, fullPage: true }).catch(() => {});
      for (const wrong of visit.wrong) console.error(`     ${wrong}`);
      await visit.context.close();
    }
  }

  async stop() {
    await this.browser.close();
  }
}

/** Opens the console with the key of the organization. */
export async function signedIn(stage, visits, options) {
  const visit = await visits.visit(options);
  await visit.page.goto(`${stage.url}/console`);
  await visit.page.getByLabel('Key of the organization').fill(stage.key);
  await visit.page.getByRole('button', { name: 'Sign in' }).click();
  await visit.heading('Connections');
  await visit.page.getByText('Live', { exact: true }).waitFor();
  return visit;
}

class Visit {
  wrong = [];

  constructor(context, allowed) {
    this.context = context;
    this.allowed = allowed;
  }

  watch(page) {
    page.on('pageerror', error => this.wrong.push(`error: ${error.stack}`));
    page.on('console', message => {
      if (!['error', 'warning'].includes(message.type())) return;
      const status = Number(message.text().match(/^Failed to load resource: .*status of (\d+)/)?.[1]);
      if (!this.allowed.includes(status)) this.wrong.push(`${message.type()}: ${message.text()} (${message.location().url})`);
    });
    page.on('request', request => {
      const { hostname, protocol } = new URL(request.url());
      if (protocol.startsWith('http') && hostname !== '127.0.0.1') this.wrong.push(`request elsewhere: ${request.url()}`);
    });
  }

  /** Waits for the heading of a view. */
  async heading(text) {
    await this.page.getByRole('heading', { level: 1, name: text }).waitFor();
  }

  async picture(name) {
    await this.page.screenshot({ path: `${home}/shots/${name}.png`, fullPage: true });
  }

  /** Looks at the whole page: pictures wide and narrow, no overflow, nothing that axe finds. */
  async look(name) {
    const { page } = this;
    await this.picture(name);
    await this.axe(page, name);
    await page.setViewportSize(NARROW);
    const wide = await page.evaluate(() => {
      const most = document.documentElement.clientWidth;
      const scrolls = element => element.parentElement.closest('.scroll, pre, nav');
      const beyond = [...document.querySelectorAll('body *')].filter(element => element.getBoundingClientRect().right > most + 1 && !scrolls(element));
      return { page: document.documentElement.scrollWidth - most, beyond: beyond.slice(0, 3).map(element => element.outerHTML.slice(0, 160)) };
    });
    await this.picture(`${name}-320`);
    assert.ok(wide.page <= 0, `${name} is ${wide.page} px too wide: ${wide.beyond.join('\n')}`);
    await page.setViewportSize(WIDE);
  }

  async axe(frame, name) {
    await frame.evaluate(axe);
    const found = await frame.evaluate(async () => {
      const { violations } = await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
      return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map(node => node.html).join(' ')}`);
    });
    assert.deepEqual(found, [], `accessibility of ${name}`);
  }
}
