/** What activation loads of the extension, and what it leaves for later. */
import { build } from 'esbuild';
import { createRequire } from 'node:module';
import { join, posix, relative } from 'node:path';
import { compileFunction } from 'node:vm';
import { beforeAll, expect, it } from 'vitest';
import { hostBundle } from '../../extension/tools/hostBundle.mjs';
import { root } from '../../extension/tools/project.mjs';

/** In bytes, minified. VS Code compiles them all before the extension is there. */
const MOST = 117_000;
const FIRST = 'extension.js';

/** By their path in dist. */
const files = new Map<string, string>();
beforeAll(async () => {
  const options = hostBundle(true, (made) => {
    for (const { path, text } of made) files.set(relative(join(root, 'dist'), path).replaceAll('\\', '/'), text);
  });
  await build(options);
});

/** Stands for all of VS Code: whatever is read, called or made of it is the same again. */
function anything(): object {
  const all: object = new Proxy(function () {}, {
    get: (_, key) => (key === Symbol.toPrimitive ? () => '' : all),
    apply: () => all,
    construct: () => all,
  });
  return all;
}

/** Loads files as VS Code does, each once. */
function loader(vscode: object): (file: string) => object {
  const builtIn = createRequire(import.meta.url);
  const loaded = new Map<string, { exports: object }>();
  const load = (file: string): object => {
    const known = loaded.get(file);
    if (known) return known.exports;
    const module = { exports: {} };
    loaded.set(file, module);
    const require = (name: string): unknown => {
      if (name === 'vscode') return vscode;
      return name.startsWith('.') ? load(posix.join(posix.dirname(file), name)) : builtIn(name);
    };
    const run = compileFunction(files.get(file)!, ['module', 'exports', 'require'], { filename: file });
    Reflect.apply(run, undefined, [module, module.exports, require]);
    return module.exports;
  };
  return load;
}

it('activation loads little', () => {
  expect(files.get(FIRST)!.length).toBeLessThan(MOST);
});

it('what speaks to processes and servers, and the report, are loaded later', () => {
  const chunks = [...files.keys()].filter((file) => file !== FIRST);
  expect(chunks).toEqual(
    expect.arrayContaining(['chunks/engineProcess.js', 'chunks/serverConnections.js', 'chunks/onDemand.js']),
  );
  const holding = (text: string): string[] =>
    [...files].filter(([, code]) => code.includes(text)).map(([file]) => file);
  // Of vscode-jsonrpc, of the HTTP client and of the report.
  expect(holding('jsonrpc:')).toEqual(['chunks/engineProcess-inspectorProcess.js']);
  expect(holding('/generate')).toEqual(['chunks/serverConnections.js']);
  expect(holding('As what?')).toEqual(['chunks/onDemand.js']);
});

it('chunks load when the extension has, and take from it what it has', () => {
  const load = loader(anything());
  load(FIRST);
  for (const file of files.keys()) expect(Object.keys(load(file)).length, file).toBeGreaterThan(0);
  // An error that a chunk throws is one that activation's code knows.
  const holding = [...files].filter(([, code]) => code.includes('"UserError"'));
  expect(holding.map(([file]) => file)).toEqual([FIRST]);
});

it('the language is known before sentences are made', () => {
  const asked: string[] = [];
  const bundle = new Proxy(
    {},
    {
      get: (_, key) => {
        asked.push(String(key));
        return undefined;
      },
    },
  );
  const vscode = new Proxy({ l10n: { bundle } }, { get: (own, key): unknown => Reflect.get(own, key) ?? anything() });
  loader(vscode)(FIRST);
  // One that a module holds as a constant.
  expect(asked).toContain('Choose Model…');
});
