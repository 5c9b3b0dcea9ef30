// Packages the extension: `npm run package` for this platform, `-- --target linux-arm64` for another, `-- --all` for all.
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { node, readJson, root, run, tool } from './project.mjs';

export const targets = ['linux-x64', 'linux-arm64', 'win32-x64', 'win32-arm64', 'darwin-arm64'];
export const here = `${process.platform}-${process.arch}`;

/**
 * Lines of .vscodeignore that hold for a platform.
 * @param {string} text
 * @param {string} target
 */
export function contentsFor(text, target) {
  const platform = /\b(linux|win32|darwin)[-/](x64|arm64)\b/;
  return text
    .split('\n')
    .filter((line) => {
      const [, os, cpu] = platform.exec(line) ?? [];
      return !os || `${os}-${cpu}` === target;
    })
    .join('\n');
}

/** @param {string} target */
export function packagePath(target) {
  return join(root, 'dist', `moescope-${target}-${readJson(join(root, 'package.json')).version}.vsix`);
}

/** @param {string} target */
export async function packageFor(target) {
  if (!targets.includes(target)) throw new Error(`${target} is none of ${targets.join(', ')}.`);
  const contents = join(root, 'dist', `${target}.vscodeignore`);
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(contents, contentsFor(readFileSync(join(root, '.vscodeignore'), 'utf8'), target));
  const out = packagePath(target);
  // vsce builds first, by the script `vscode:prepublish`.
  const done = await run(node, [
    ...[tool('@vscode/vsce', 'vsce'), 'package', '--target', target, '--out', out, '--ignoreFile', contents],
    // Where the project will be published is not settled, and links in README.md do not depend on it.
    ...['--allow-missing-repository', '--no-rewrite-relative-links'],
  ]);
  if (!done) throw new Error(`Packaging for ${target} failed; the message of vsce is above.`);
  console.log(`${relative(root, out)}  ${(statSync(out).size / 1e6).toFixed(1)} MB`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({ options: { target: { type: 'string', default: here }, all: { type: 'boolean' } } });
  for (const target of values.all ? targets : [values.target]) await packageFor(target);
}
