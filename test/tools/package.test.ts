import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contentsFor, targets } from '../../extension/tools/package.mjs';
import { root } from '../../extension/tools/project.mjs';

const all = readFileSync(join(root, '.vscodeignore'), 'utf8');

/** Files of installed packages that a list of contents lets in. */
function dependencyFiles(contents: string): string[] {
  const patterns = contents.split('\n').filter((line) => line.startsWith('!node_modules/'));
  return patterns.flatMap((line) => globSync(line.slice(1), { cwd: root }));
}

describe.each(targets)('the package for %s', (target) => {
  const files = dependencyFiles(contentsFor(all, target));
  const [os, cpu] = target.split('-') as [string, string];

  it('has this platform’s native files and no other’s', () => {
    const native = files.filter((file) => !/\.(js|json)$|LICENSE$/.test(file));
    const folder = `node_modules/onnxruntime-node/bin/napi-v6/${os}/${cpu}/`;
    expect(native).toContain(`${folder}onnxruntime_binding.node`);
    expect(native.filter((file) => /libonnxruntime|onnxruntime\.dll/.test(file))).toHaveLength(1);
    expect(native.filter((file) => file.includes('/tokenizers.'))).toHaveLength(1);
    expect(native).toHaveLength(3);
    expect(native.every((file) => file.startsWith(folder) || file.includes(`tokenizers.${target}`))).toBe(true);
  });

  it('has the JavaScript that loads them', () => {
    expect(files).toContain('node_modules/onnxruntime-node/dist/index.js');
    expect(files).toContain('node_modules/onnxruntime-common/dist/cjs/index.js');
    expect(files).toContain('node_modules/tokenizers/index.js');
  });
});

it('every line of the list names something', () => {
  const named = all.split('\n').filter((line) => /^!(node_modules|media)/.test(line));
  for (const line of named) expect(globSync(line.slice(1), { cwd: root }), line).not.toHaveLength(0);
  expect(existsSync(join(root, 'LICENSE'))).toBe(true);
});

it('has the documents that the README leads to', () => {
  const links = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/\]\(([^):]+)\)/g)].map(([, path]) => path!);
  expect(links).toContain('extension/cli/README.md');
  const named = all.split('\n').filter((line) => line.startsWith('!'));
  for (const path of links) {
    expect(
      named.some((line) => globSync(line.slice(1), { cwd: root }).includes(path)),
      path,
    ).toBe(true);
  }
});
