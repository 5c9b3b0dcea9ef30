// Sentences for users, and what they are in other languages. `npm run l10n` brings the files of media/l10n up to date with the
// sources: what is new stands there untranslated, with an empty text, and what is no longer said goes.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { readJson, root } from './project.mjs';

export const languages = ['zh-cn'];

/** @param {string} language */
export function bundlePath(language) {
  return join(root, 'media/l10n', `bundle.l10n.${language}.json`);
}

/** Every file that may say something to users, from the project's folder on. */
export function sourceFiles() {
  return ['extension', 'webview'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.endsWith('_pb.ts'))
      .map((path) => join(folder, path).replaceAll('\\', '/')),
  );
}

/**
 * The sentences of a source: those of `l10n.t`, with {0}, {1}, … for what stands between.
 * @param {string} source
 * @returns {string[]}
 */
export function sentencesOf(source) {
  const found = [];
  const isT = (node) =>
    ts.isPropertyAccessExpression(node) && node.name.text === 't' && node.expression.getText(file) === 'l10n';
  const file = ts.createSourceFile('source.ts', source, ts.ScriptTarget.Latest, true);
  const visit = (node) => {
    if (ts.isTaggedTemplateExpression(node) && isT(node.tag)) found.push(sentenceOf(node.template));
    if (ts.isCallExpression(node) && isT(node.expression) && ts.isStringLiteralLike(node.arguments[0])) {
      found.push(node.arguments[0].text);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

function sentenceOf(template) {
  if (ts.isNoSubstitutionTemplateLiteral(template)) return template.text;
  return template.templateSpans.reduce((text, { literal }, i) => `${text}{${i}}${literal.text}`, template.head.text);
}

/**
 * Sentences of some files, sorted; those of others' packages are not ours to translate.
 * @param {readonly string[]} files
 */
export function sentences(files) {
  const own = files.filter((path) => /^(extension|webview)\/.*\.ts$/u.test(path));
  const found = own.flatMap((path) => sentencesOf(readFileSync(join(root, path), 'utf8')));
  return [...new Set(found)].sort();
}

/**
 * The translations that a page needs, as a script that goes before its own.
 * @param {string} language
 * @param {readonly string[]} files what the pages are made of
 */
export function pageTranslations(language, files) {
  const bundle = readJson(bundlePath(language));
  const used = Object.fromEntries(
    sentences(files)
      .filter((sentence) => bundle[sentence])
      .map((sentence) => [sentence, bundle[sentence]]),
  );
  return `globalThis.moescopeTranslations = ${JSON.stringify(used)};\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const all = sentences(sourceFiles());
  for (const language of languages) {
    const path = bundlePath(language);
    const before = existsSync(path) ? readJson(path) : {};
    const after = Object.fromEntries(all.map((sentence) => [sentence, before[sentence] ?? '']));
    writeFileSync(path, `${JSON.stringify(after, undefined, 2)}\n`);
    const missing = all.filter((sentence) => after[sentence] === '').length;
    console.log(`${relative(root, path)}: ${all.length} sentences, ${missing} untranslated`);
  }
}
