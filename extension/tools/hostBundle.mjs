// Bundles the extension host: dist/extension.js is what activation runs, dist/chunks/ what is imported when it is first needed.
//
// esbuild divides modules into chunks for ESM alone, and VS Code before 1.100 loads CommonJS alone. So a first pass divides, and a
// second one turns what came of it into CommonJS. That one also puts together all that activation runs: to load ten files takes longer
// than to load one. What of it chunks need, too, they find among the exports of dist/extension.js, so no module is there twice.
import { build } from 'esbuild';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { nodeOptions } from './bundleOptions.mjs';
import { root } from './project.mjs';

const dist = join(root, 'dist');
const main = join(dist, 'extension.js');
/** Apart from main, so that it can go before: sentences are constants of modules, and the language has to be known by then. */
const language = join(dist, 'language.js');
/** Stands for all that activation runs. */
const START = 'start';

/**
 * @param {boolean} production
 * @param {(files: readonly import('esbuild').OutputFile[]) => void} [take] gets what is to be written to dist
 * @returns {import('esbuild').BuildOptions}
 */
export function hostBundle(production, take = write) {
  const options = { ...nodeOptions(production), absWorkingDir: root };
  return {
    ...options,
    format: 'esm',
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    // The second pass takes maps from the modules themselves.
    sourcemap: options.sourcemap && 'inline',
    write: false,
    entryPoints: { extension: 'extension/main.ts', language: 'extension/host/language.ts' },
    plugins: [
      {
        name: 'host-bundle',
        setup: ({ onEnd }) => {
          onEnd(async ({ outputFiles, metafile }) => {
            // There is none where the sources have errors.
            if (metafile) take(await toCommonJs(options, outputFiles, metafile));
          });
        },
      },
    ],
  };
}

/**
 * @param {import('esbuild').BuildOptions} options
 * @param {readonly import('esbuild').OutputFile[]} files ES modules
 * @param {import('esbuild').Metafile} metafile what they import
 */
async function toCommonJs(options, files, { outputs }) {
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const importsOf = (path, kind) =>
    outputs[relative(root, path).replaceAll('\\', '/')].imports
      .filter((each) => each.kind === kind && !each.external)
      .map((each) => join(root, each.path));
  const reach = (path, seen = new Set()) => {
    if (seen.has(path)) return seen;
    seen.add(path);
    for (const each of importsOf(path, 'import-statement')) reach(each, seen);
    return seen;
  };
  const atStart = new Set([...reach(language), ...reach(main)]);
  const imported = [...new Set([...texts.keys()].flatMap((path) => importsOf(path, 'dynamic-import')))];
  /** What is imported is called as its module is, what several of these share by all their names. */
  const nameOf = (path) =>
    imported.includes(path)
      ? basename(path).replace(/-\w+\.js$/u, '')
      : imported
          .filter((each) => reach(each).has(path))
          .map(nameOf)
          .sort()
          .join('-');
  /** Names of the exports under which chunks find what activation has run. */
  const shared = new Map([...atStart].filter((path) => path !== main).map((path, i) => [path, `shared${i}`]));

  /** @type {import('esbuild').Plugin} */
  const modules = {
    name: 'modules',
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter: /.*/ }, ({ path, kind, resolveDir, namespace, importer }) => {
        if (kind === 'entry-point') return path === START ? { path, namespace: START } : { path };
        if (!path.startsWith('.')) return undefined;
        if (namespace === 'shared') return { path, external: true };
        const target = join(resolveDir, path);
        const here = namespace === START || atStart.has(importer);
        if (!atStart.has(target)) return { path: `${here ? './chunks' : '.'}/${nameOf(target)}.js`, external: true };
        return here ? { path: target } : { path: target, namespace: 'shared' };
      });
      onLoad({ filter: /.*/, namespace: START }, () => {
        const exported = [...shared].map(([path, name]) => `export * as ${name} from '${addressOf(path)}';`);
        const contents = [`import '${addressOf(language)}';`, `export * from '${addressOf(main)}';`, ...exported];
        return { contents: contents.join('\n'), resolveDir: dist };
      });
      onLoad({ filter: /.*/, namespace: 'shared' }, ({ path }) => ({
        contents: `module.exports = require('../${basename(main)}').${shared.get(path)};`,
        resolveDir: dirname(path),
      }));
      onLoad({ filter: /.*/, namespace: 'file' }, ({ path }) => ({
        contents: texts.get(path),
        resolveDir: dirname(path),
      }));
    },
  };
  const later = [...texts.keys()].filter((path) => !atStart.has(path));
  const { outputFiles } = await build({
    ...options,
    format: 'cjs',
    supported: { 'dynamic-import': false },
    write: false,
    plugins: [modules],
    entryPoints: [
      { in: START, out: 'extension' },
      ...later.map((path) => ({ in: path, out: `chunks/${nameOf(path)}` })),
    ],
  });
  return outputFiles;
}

/** @param {string} path of a module, as one in dist imports it */
function addressOf(path) {
  return `./${relative(dist, path).replaceAll('\\', '/')}`;
}

/** @param {readonly import('esbuild').OutputFile[]} files */
function write(files) {
  const chunks = join(dist, 'chunks');
  // None of an earlier build stays.
  rmSync(chunks, { recursive: true, force: true });
  mkdirSync(chunks, { recursive: true });
  for (const { path, contents } of files) writeFileSync(path, contents);
}
