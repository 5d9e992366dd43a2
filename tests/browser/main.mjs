// Runs the parts one after the other on one stage. A part is a function of the stage and a browser's window.
import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { checkDocuments } from './documents.mjs';
import { home } from './modules.mjs';
import { start } from './stage.mjs';
import { Visits } from './visit.mjs';

const PARTS = ['connect', 'reconnect', 'sign_in', 'frame', 'ends', 'console', 'writes', 'mappings', 'settings'];
const LONGEST_MS = 480_000;

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
try {
  for (const name of PARTS.filter(part => chosen.length === 0 || chosen.includes(part))) {
    const part = await import(`./parts/${name}.mjs`);
    for (const [title, run] of Object.entries(part)) {
      const began = Date.now();
      const label = `${name}: ${title.replaceAll('_', ' ')}`;
      try {
        await run(stage, visits);
        await visits.end();
        console.log(`ok   ${label} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
      } catch (error) {
        failures += 1;
        console.error(`FAIL ${label}\n${error.stack}\n`);
        await visits.fail(`failed-${name}-${title}`);
      }
    }
  }
} finally {
  await visits.stop();
  await stage.stop();
}
if (failures) {
  const log = await readFile(`${home}/server.log`, 'utf8');
  console.error(`${failures} failed. The last lines of the server:\n${log.split('\n').slice(-15).join('\n')}`);
  process.exit(1);
}
