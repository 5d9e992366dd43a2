// Runs the parts one after the other on one stage. A part is a function of the stage and a browser's window. One that fails
// is tried once more on a stage of its own: what a busy machine upsets is told, and only what fails twice counts.
import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { checkDocuments } from './documents.mjs';
import { home } from './modules.mjs';
import { start } from './stage.mjs';
import { Visits } from './visit.mjs';

const PARTS = ['connect', 'reconnect', 'sign_in', 'frame', 'ends', 'console', 'writes', 'mappings', 'settings'];
const LONGEST_MS = 600_000;

const chosen = process.argv.slice(2);
const unknown = chosen.filter(name => !PARTS.includes(name));
assert.deepEqual(unknown, [], `there are these parts: ${PARTS.join(', ')}`);

const watchdog = setTimeout(() => {
  console.error('The parts took too long.');
  process.exit(1);
}, LONGEST_MS);
watchdog.unref();

await rm(`${home}/shots`, { recursive: true, force: true });
await checkDocuments();
console.log('ok   documents of the console');

const stage = await start();
const visits = await Visits.start();
let failures = 0;
const unsteady = [];

async function tried(run, on, shot) {
  try {
    await run(on, visits);
    await visits.end();
    return null;
  } catch (error) {
    await visits.fail(shot);
    return error;
  }
}

async function again(run, shot) {
  const own = await start();
  try {
    return await tried(run, own, shot);
  } finally {
    await own.stop();
  }
}

try {
  for (const name of PARTS.filter(part => chosen.length === 0 || chosen.includes(part))) {
    const part = await import(`./parts/${name}.mjs`);
    for (const [title, run] of Object.entries(part)) {
      const began = Date.now();
      const label = `${name}: ${title.replaceAll('_', ' ')}`;
      const error = await tried(run, stage, `failed-${name}-${title}`);
      if (error) {
        console.error(`FAIL ${label}\n${error.stack}\n`);
        const second = await again(run, `failed-again-${name}-${title}`);
        if (second) {
          console.error(`FAIL ${label}, again\n${second.stack}\n`);
          failures += 1;
          continue;
        }
        unsteady.push(label);
      }
      console.log(`ok   ${label} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
    }
  }
} finally {
  await visits.stop();
  await stage.stop();
}
if (unsteady.length) console.error(`Failed once, on a busy machine perhaps: ${unsteady.join(', ')}`);
if (failures) {
  const log = await readFile(`${home}/server.log`, 'utf8');
  console.error(`${failures} failed. The last lines of the server:\n${log.split('\n').slice(-15).join('\n')}`);
  process.exit(1);
}
