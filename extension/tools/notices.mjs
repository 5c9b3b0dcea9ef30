// The licences of everything a package carries: what esbuild bundled, and what is shipped beside the bundles.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, root } from './project.mjs';

const shippedAsFiles = ['onnxruntime-node', 'onnxruntime-common', 'tokenizers', '@vscode/codicons'];

/** For packages that come without their licence's text. */
const missingTexts = {
  'onnxruntime-node': 'microsoft.txt',
  'onnxruntime-common': 'microsoft.txt',
  '@vscode/l10n': 'microsoft.txt',
  '@microsoft/fast-element': 'microsoft.txt',
  '@microsoft/fast-foundation': 'microsoft.txt',
  '@microsoft/fast-web-utilities': 'microsoft.txt',
  '@microsoft/fast-react-wrapper': 'microsoft.txt',
  '@bufbuild/protobuf': 'protobuf.txt',
};

/** What a native library holds in turn, where its package does not carry the texts. */
const within = {
  'onnxruntime-node': (version) =>
    `Its library contains software of others, listed with its licences in https://github.com/microsoft/onnxruntime/blob/v${version}/ThirdPartyNotices.txt`,
  tokenizers: () =>
    'The library is that of Hugging Face, licensed under the Apache License, Version 2.0; its text is in the file LICENSE of this package.',
};

/** @param {readonly string[]} inputs files that esbuild read, from its metafile */
export function notices(inputs) {
  const bundled = inputs.map((input) => /^.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1]).filter(Boolean);
  const names = [...new Set([...shippedAsFiles, ...bundled])].sort();
  const rule = '='.repeat(100);
  return ['MoEScope contains the following software of others.\n', ...names.map(notice)].join(`\n${rule}\n\n`);
}

function notice(name) {
  const folder = join(root, 'node_modules', name);
  const { version, license } = readJson(join(folder, 'package.json'));
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|thirdparty)/i.test(file));
  const texts = files.map((file) => readFileSync(join(folder, file), 'utf8'));
  if (texts.length === 0) {
    // A new dependency without a text must not be shipped without one unnoticed.
    if (!(name in missingTexts)) throw new Error(`${name} (${license}) has no licence text; add it in notices.mjs.`);
    texts.push(readFileSync(new URL(`licenses/${missingTexts[name]}`, import.meta.url), 'utf8'));
  }
  if (name in within) texts.push(within[name](version));
  return [`${name} ${version} (${license})`, ...texts.map((text) => text.trim())].join('\n\n') + '\n';
}
