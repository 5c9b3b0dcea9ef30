// Writes what the code knows into README.md, between markers: which models open, and which nobody can. `npm run readme`.
import { build } from 'esbuild';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { root } from './project.mjs';

/**
 * The README's part about models.
 * @param {typeof import('../models/registry.ts').FAMILIES} families
 * @param {typeof import('../models/registry.ts').sourceOf} sourceOf
 * @param {typeof import('../models/fitting.ts').ON_THE_CPU} precisions
 * @param {typeof import('../models/unavailable.ts').UNAVAILABLE} unavailable
 */
export function modelsPart(families, sourceOf, precisions, unavailable) {
  const rows = families.map((family) => {
    const source = sourceOf(family);
    const names = Object.keys(family.architectures).map((name) => `\`${name}\``);
    const weights = family.weights ? `; ${family.weights} weights` : '';
    return [family.models, names.join(', '), `[${family.scoring}](${source.url})`, family.parts + weights];
  });
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const table = [['Models', 'Architecture', 'Router scores', 'Special parts'], ['---', '---', '---', '---'], ...rows];
  const list = unavailable.map(({ name, why, nearest }) => `- **${name}** ${why}. Nearest: ${nearest}.`);
  const all = `All of them run on the CPU in ${precisions.slice(0, -1).join(', ')} and ${precisions.at(-1)}.`;
  return `${table.map(line).join('\n')}\n\n${all}\n\nSome models are asked for that nobody can open:\n\n${list.join('\n')}`;
}

const BEGIN = '<!-- models: written by npm run readme -->';
const END = '<!-- models: end -->';

/**
 * A README with that part in place of what stands between the markers.
 * @param {string} readme
 * @param {string} part
 */
export async function withModels(readme, part) {
  const [before, rest] = readme.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error('README.md has no place for the models.');
  const options = await resolveConfig(join(root, 'README.md'));
  return format(`${before}${BEGIN}\n\n${part}\n\n${END}${after}`, { ...options, parser: 'markdown' });
}

async function main() {
  const entry = `export { FAMILIES, sourceOf } from './registry.ts';
    export { ON_THE_CPU } from './fitting.ts';
    export { UNAVAILABLE } from './unavailable.ts';`;
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: join(root, 'extension/models'), loader: 'ts' },
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'esm',
  });
  const code = Buffer.from(outputFiles[0].contents).toString('base64');
  const { FAMILIES, sourceOf, ON_THE_CPU, UNAVAILABLE } = await import(`data:text/javascript;base64,${code}`);
  const path = join(root, 'README.md');
  writeFileSync(
    path,
    await withModels(readFileSync(path, 'utf8'), modelsPart(FAMILIES, sourceOf, ON_THE_CPU, UNAVAILABLE)),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main();
