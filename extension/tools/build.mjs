// Bundles the extension host, its child processes and worker, the command line and the webviews into dist/. `--watch` rebuilds on change,
// `--production` minifies, leaves out source maps and writes the licences of what was bundled.
import { context, build } from 'esbuild';
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { bundleOptions, nodeOptions } from './bundleOptions.mjs';
import { hostBundle } from './hostBundle.mjs';
import { languages, pageTranslations, sourceFiles } from './l10n.mjs';
import { notices } from './notices.mjs';

const watch = process.argv.includes('--watch');
const production = process.argv.includes('--production');

/** @type {import('esbuild').BuildOptions[]} */
const bundles = [
  hostBundle(production),
  {
    ...nodeOptions(production),
    format: 'cjs',
    entryPoints: {
      engine: 'extension/engine/main.ts',
      importer: 'extension/engine/importer.ts',
      parentWatch: 'extension/engine/parentWatch.ts',
      inspector: 'extension/inspector/main.ts',
      analyst: 'extension/analyst/main.ts',
      decoder: 'extension/server/decoderMain.ts',
      cli: 'extension/cli/main.ts',
    },
  },
  {
    ...bundleOptions(production),
    platform: 'browser',
    format: 'iife',
    target: 'chrome128',
    tsconfig: 'webview/tsconfig.json',
    entryPoints: {
      'webview/load': 'webview/load.ts',
      'webview/map': 'webview/map.ts',
      'webview/model': 'webview/model.ts',
      'webview/report': 'webview/report.ts',
    },
  },
];

mkdirSync('dist/webview', { recursive: true });
if (existsSync('node_modules/@vscode/codicons/dist/codicon.ttf')) {
  for (const file of ['codicon.css', 'codicon.ttf']) {
    cpSync(`node_modules/@vscode/codicons/dist/${file}`, `dist/webview/${file}`);
  }
}
if (watch) for (const options of bundles) await (await context(options)).watch();
/** What each was made of. */
const inputs = watch
  ? []
  : await Promise.all(bundles.map(async (options) => Object.keys((await build(options)).metafile.inputs)));
const pages = inputs.at(-1) ?? sourceFiles();
for (const language of languages) {
  writeFileSync(`dist/webview/l10n.${language}.js`, pageTranslations(language, pages));
}
if (production) writeFileSync('dist/THIRD_PARTY_NOTICES.txt', notices(inputs.flat()));
