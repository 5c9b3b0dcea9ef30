import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../../extension/tools/project.mjs';

/** What Node itself makes of a file, as when it runs a benchmark; undefined where it reads it. */
function complaint(source: string): string | undefined {
  try {
    stripTypeScriptTypes(source, { mode: 'transform' });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

it('holds no source that TypeScript takes and Node, which runs the benchmarks, does not', () => {
  const files = ['extension', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.startsWith('output'))
      .map((path) => join(folder, path)),
  );
  expect(files.length).toBeGreaterThan(100);
  const refused = files.map((file) => [file, complaint(readFileSync(join(root, file), 'utf8'))]);
  expect(refused.filter(([, why]) => why !== undefined)).toEqual([]);
});

it('tells such a source', () => {
  expect(complaint('for (const of of [1]) console.log(of);')).toContain('cannot be empty');
});
