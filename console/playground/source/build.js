// Builds ../dist: one script, one style sheet, the page, and the licences of what is inside.
import { build } from 'esbuild';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';

const out = '../dist';
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

// GraphiQL carries two web fonts in its style sheet, a third of its size. The machine's fonts do as well.
const withoutFonts = {
  name: 'without-fonts',
  setup(build) {
    build.onLoad({ filter: /graphiql\/dist\/style\.css$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(/@font-face\s*\{[^}]*\}/g, ''),
      loader: 'css',
    }));
  },
};

const result = await build({
  entryPoints: { playground: 'main.jsx' },
  outdir: out,
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  jsx: 'automatic',
  charset: 'utf8',
  legalComments: 'none',
  metafile: true,
  define: { 'process.env.NODE_ENV': '"production"' },
  plugins: [withoutFonts],
});

for (const file of ['index.html', 'favicon.svg']) copyFileSync(file, join(out, file));

const inside = new Set();
for (const input of Object.keys(result.metafile.inputs)) {
  const match = input.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)\//);
  if (match) inside.add(match[1]);
}
const notes = [...inside].sort().map(name => {
  const folder = join('node_modules', name);
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find(file => /^licen[cs]e/i.test(file));
  const text = file && existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8').trim() : '';
  return `${name} ${version} (${license})\n\n${text}\n`;
});
const head = 'The playground contains these packages.\n\n';
writeFileSync(join(out, 'LICENSES.txt'), head + notes.join(`\n${'-'.repeat(72)}\n\n`));
