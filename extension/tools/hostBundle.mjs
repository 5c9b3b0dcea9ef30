// Bundles the extension host: dist/extension.js is what activation runs, dist/chunks/ what is imported when it is first needed.
import { build } from 'esbuild';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { root } from './project.mjs';

const dist = join(root, 'dist');
const chunks = join(dist, 'chunks');
const first = join(dist, 'extension.js');
/** Sentences are constants of modules, so that the language has to be known before any other module runs. */
const language = join(dist, 'language.js');
/** Stands for all that activation needs. */
const START = 'start';

/**
 * esbuild divides modules into chunks for ESM alone, and VS Code before 1.100 loads CommonJS alone: a first pass divides, a second one
 * turns what came of it into CommonJS. It also puts together what activation needs: to read ten files takes longer than to read one.
 *
 * @param {import('esbuild').BuildOptions} shared
 * @param {(files: import('esbuild').OutputFile[]) => void} [take] gets the files; without it they are written
 * @returns {import('esbuild').BuildOptions}
 */
export function hostBundle(shared, take = write) {
  return {
    ...shared,
    absWorkingDir: root,
    format: 'esm',
    splitting: true,
    write: false,
    metafile: true,
    chunkNames: 'chunks/[name]-[hash]',
    // Beside each module, so that the second pass finds it.
    sourcemap: shared.sourcemap ? 'inline' : false,
    entryPoints: { extension: 'extension/main.ts', language: 'extension/host/language.ts' },
    plugins: [
      {
        name: 'host-bundle',
        setup: ({ onEnd }) => {
          onEnd(async ({ outputFiles, metafile }) => {
            if (metafile) take(await toCommonJs(outputFiles, metafile, shared));
          });
        },
      },
    ],
  };
}

/**
 * @param {import('esbuild').OutputFile[]} files of the first pass
 * @param {import('esbuild').Metafile} metafile
 * @param {import('esbuild').BuildOptions} shared
 */
async function toCommonJs(files, { outputs }, shared) {
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
  const atStart = reach(first).union(reach(language));
  const later = [...texts.keys()].filter((path) => !atStart.has(path));
  const imported = new Set([...texts.keys()].flatMap((path) => importsOf(path, 'dynamic-import')));
  /** What is imported is called as its module is; what several of these share, by their names. */
  const nameOf = (path) =>
    imported.has(path)
      ? basename(path).replace(/-\w+\.js$/u, '')
      : [...imported]
          .filter((each) => reach(each).has(path))
          .map(nameOf)
          .sort()
          .join('-');
  /** Chunks find what they share with the first bundle among its exports. */
  const shares = new Map(
    [...atStart].filter((path) => path !== first && path !== language).map((path, i) => [path, `shared${i}`]),
  );

  /** @type {import('esbuild').Plugin} */
  const modules = {
    name: 'modules',
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter: /.*/ }, ({ path, kind, resolveDir, namespace, importer }) => {
        if (kind === 'entry-point') return path === START ? { path, namespace: 'start' } : { path };
        if (!path.startsWith('.')) return undefined;
        if (namespace === 'shared') return { path, external: true };
        const target = join(resolveDir, path);
        if (!atStart.has(target)) {
          const from = namespace === 'start' || atStart.has(importer) ? './chunks' : '.';
          return { path: `${from}/${nameOf(target)}.js`, external: true };
        }
        return atStart.has(importer) || namespace === 'start'
          ? { path: target }
          : { path: target, namespace: 'shared' };
      });
      onLoad({ filter: /.*/, namespace: 'start' }, () => ({
        contents: [
          `import './${basename(language)}';`,
          `export * from './${basename(first)}';`,
          ...[...shares].map(
            ([path, name]) => `export * as ${name} from './${relative(dist, path).replaceAll('\\', '/')}';`,
          ),
        ].join('\n'),
        resolveDir: dist,
      }));
      onLoad({ filter: /.*/, namespace: 'shared' }, ({ path }) => ({
        contents: `module.exports = require('../${basename(first)}').${shares.get(path)};`,
        resolveDir: chunks,
      }));
      onLoad({ filter: /.*/ }, ({ path }) =>
        texts.has(path) ? { contents: texts.get(path), resolveDir: dirname(path) } : undefined,
      );
    },
  };
  const { outputFiles } = await build({
    ...shared,
    absWorkingDir: root,
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

/** @param {import('esbuild').OutputFile[]} files */
function write(files) {
  // None of an earlier build stays.
  rmSync(chunks, { recursive: true, force: true });
  mkdirSync(chunks, { recursive: true });
  for (const { path, contents } of files) writeFileSync(path, contents);
}
