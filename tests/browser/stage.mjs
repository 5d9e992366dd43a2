// The stage: simulated systems, the server over them with a database of its own, and the organization's backend, which
// makes links, takes customers back, exchanges codes and receives webhooks.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { home } from './modules.mjs';

const run = promisify(execFile);
const PROGRAM = process.env.LINESHAFT;
const TITLES = { 'Tryton': 'tryton', 'Odoo': 'odoo', 'Dynamics 365 Finance and Operations': 'dynamics-365-fo', 'Limble': 'limble' };
const sleep = ms => new Promise(done => setTimeout(done, ms));

/** Asks until it is there. */
export async function until(what, ask, most = 15_000) {
  for (const end = Date.now() + most; Date.now() < end; await sleep(100)) {
    const answer = await ask().catch(() => null);
    if (answer) return answer;
  }
  throw new Error(`${what} did not happen in time`);
}

export async function start() {
  const folder = await mkdtemp(`${tmpdir()}/lineshaft-browser-`);
  const children = [];
  const begin = (args, environment, log) => {
    const child = spawn(PROGRAM, args, { cwd: folder, env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream.pipe(log, { end: false });
    children.push(child);
    process.on('exit', () => child.kill('SIGKILL'));
    return child;
  };

  const systems = await startSystems(begin);
  const application = (await systems.dynamics.credentials()).authorization_server.accounts[0];
  const backend = await startBackend();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const environment = {
    LINESHAFT_SERVER__BIND: `127.0.0.1:${port}`,
    LINESHAFT_DATABASE__URL: `sqlite://${folder}/lineshaft.db`,
    LINESHAFT_SECRETS__KEY_FILE: `${folder}/lineshaft.key`,
    LINESHAFT_UPSTREAM__ALLOW_NETWORKS: '127.0.0.0/8',
    LINESHAFT_WEBHOOKS__ALLOW_HTTP: 'true',
    LINESHAFT_LINKS__TRIES: '3',
    LINESHAFT_OAUTH__DYNAMICS_365_FO__CLIENT_ID: application.client_id,
    LINESHAFT_OAUTH__DYNAMICS_365_FO__CLIENT_SECRET: application.client_secret,
  };
  const command = async (...args) => (await run(PROGRAM, args, { cwd: folder, env: { ...process.env, ...environment } })).stdout;
  await command('organization', 'create', 'plantwise', '--name', 'Plantwise', '--credits', '60');
  const key = JSON.parse(await command('token', 'create', '--name', 'console', '--json')).token;
  begin(['serve'], environment, createWriteStream(`${home}/server.log`));
  await until('the server', async () => (await fetch(`${url}/readyz`)).ok);

  return new Stage({ url, key, systems, backend, children, folder });
}

class Stage {
  constructor(parts) {
    Object.assign(this, parts);
  }

  /** Asks the API with a token, the organization's key unless it is said. Returns the whole answer. */
  async graphql(query, variables = {}, token = this.key) {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const answer = await fetch(`${this.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
    return answer.json();
  }

  /** Asks the API and returns the data; errors fail the test. */
  async ask(query, variables, token) {
    const { data, errors } = await this.graphql(query, variables, token);
    assert.equal(errors, undefined, JSON.stringify(errors));
    return data;
  }

  /** Makes a link for a customer and returns it. */
  async link(options = {}) {
    const input = { customer: { externalId: 'c-17', name: 'North Mill' }, branding: { name: 'Plantwise', color: '#b4530a' }, ...options };
    const made = await this.ask('mutation($input: CreateConnectLinkInput!) { createConnectLink(input: $input) { id url } }', { input });
    return made.createConnectLink;
  }

  /** Connects a system without a page. Returns the connection and its token. */
  async connect(system, externalId, name) {
    const { settings, credentials } = await this.systems[system].credentials();
    const input = { connector: this.systems[system].id, customer: { externalId, name }, settings, credentials };
    const query = 'mutation($input: CreateConnectionInput!) { createConnection(input: $input) { connection { id name } secret } }';
    const { createConnection: made } = await this.ask(query, { input });
    return { ...made.connection, token: made.secret };
  }

  /** Exchanges a code as a backend does. */
  async exchange(code) {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${this.url}/v1/connect/exchange`, { method: 'POST', headers, body: JSON.stringify({ code }) });
    return { status: answer.status, ...(await answer.json()) };
  }

  async status(id) {
    return (await this.ask('query($id: ID!) { connection(id: $id) { status reconnectUrl } }', { id })).connection;
  }

  async stop() {
    for (const child of this.children) child.kill('SIGTERM');
    await Promise.all(this.children.map(child => child.exitCode ?? new Promise(done => child.once('exit', done))));
    this.backend.server.closeAllConnections();
    this.backend.server.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Starts the simulated systems and reads from what they print where they are. */
async function startSystems(begin) {
  const options = Object.values(TITLES).flatMap(id => ['--system', id]);
  const child = begin(['sandbox', 'start', ...options], {}, createWriteStream(`${home}/systems.log`));
  let printed = '';
  child.stdout.on('data', data => (printed += data));
  await until('the simulated systems', async () => printed.includes('Press Ctrl+C'));
  const systems = {};
  for (const [title, id] of Object.entries(TITLES)) {
    const line = printed.split('\n').find(text => text.startsWith(title));
    const url = line.match(/http:\/\/[\d.:]+/)[0];
    const control = async (path, method = 'POST', body) => {
      const answer = await fetch(`${url}/_sandbox/${path}`, { method, body: body && JSON.stringify(body) });
      assert.ok(answer.ok, `${path}: ${answer.status}`);
      return answer.status === 204 ? null : answer.json();
    };
    systems[id.split('-')[0]] = { id, url, control, credentials: () => control('credentials', 'GET') };
  }
  return systems;
}

/** Serves the organization's own pages, and takes webhooks. */
async function startBackend() {
  const received = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://127.0.0.1');
    let body = '';
    request.on('data', data => (body += data));
    request.on('end', () => {
      if (pathname === '/hooks') received.push({ headers: request.headers, body });
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(pathname === '/embed' ? EMBED : '<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Plantwise</title><h1>Welcome back</h1></html>');
    });
  });
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  return { server, received, url: `http://127.0.0.1:${server.address().port}` };
}

const EMBED = `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Plantwise</title><h1>Our app</h1>
<script>
  window.heard = [];
  window.addEventListener('message', event => window.heard.push({ origin: event.origin, ...event.data }));
  const frame = document.createElement('iframe');
  frame.title = 'Connect a system';
  frame.width = 640;
  frame.height = 800;
  frame.src = decodeURIComponent(location.hash.slice(1));
  document.body.append(frame);
</script></html>`;

async function freePort() {
  const server = createServer();
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise(done => server.close(done));
  return port;
}
