/** Readers of files from outside, against files that were damaged or made to harm. `npm run bench -- fuzz` tries many more. */
import { rmSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { fuzzFolder, hostileFiles, READERS, tryCase } from '../support/fuzz.ts';

const CASES = 800;
/** The same cases in every run: a find does not come and go. */
const SEED = 20_261_124;

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

it.each(READERS)(
  '$name: a value or a sentence, whatever the file',
  async (reader) => {
    expect(reader.seeds.length).toBeGreaterThan(0);
    const folder = fuzzFolder(reader);
    folders.push(folder);
    const property = fc.asyncProperty(hostileFiles(reader), (file) => tryCase(reader, folder, file));
    await fc.assert(property, { numRuns: CASES, seed: SEED });
  },
  300_000,
);
