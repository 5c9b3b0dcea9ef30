/** A token that comes alone behind many is computed from the cache as it lies: it is routed as it is among others. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { RoutedTokens } from '../../extension/engine/model.ts';
import { openCheckpoint } from '../../extension/engine/openCheckpoint.ts';
import { FIXTURES, ROOT } from '../support/reference.ts';

const CHECKPOINTS = join(FIXTURES, 'checkpoints');
/** Tokens of the text, and how many of them come one at a time. */
const [TOKENS, ALONE] = [300, 5];
/** Experts that are closer may change places by rounding. */
const NEAR = 1e-4;

const cache = mkdtempSync(join(tmpdir(), 'moescope-decoding-'));
afterAll(() => {
  rmSync(cache, { recursive: true });
});

// Encoders read a text as a whole: nothing there comes alone.
const names = readdirSync(CHECKPOINTS).filter((name) => !name.startsWith('switch_transformers'));

it.each([join(ROOT, 'media/demo-models/balanced'), ...names.map((name) => join(CHECKPOINTS, name))])(
  '%s',
  async (folder) => {
    const model = await openCheckpoint(
      { folder, cache, cacheLimit: 0, threads: 1, context: TOKENS, precision: 'float32', provider: 'cpu' },
      { importer: join(ROOT, 'dist/importer.js'), progress: () => undefined, signal: new AbortController().signal },
    );
    try {
      const { ids } = await model.tokenizer.encode('The router sends each token to two of its experts.\n'.repeat(100));
      const tokens = ids.subarray(0, Math.min(TOKENS, model.info.context));
      const before = tokens.length - ALONE;
      const among = model.sequence(tokens.length);
      among.reset(tokens.length);
      await among.append(tokens.subarray(0, before));
      const expected = await among.append(tokens.subarray(before));
      const alone = model.sequence(tokens.length);
      alone.reset(tokens.length);
      await alone.append(tokens.subarray(0, before));
      for (let t = 0; t < ALONE; t++) {
        expectSame(await alone.append(tokens.subarray(before + t, before + t + 1)), expected, t);
      }
    } finally {
      await model.close();
    }
  },
);

function expectSame(one: RoutedTokens, all: RoutedTokens, t: number): void {
  expect(one.logProb[0]).toBeCloseTo(all.logProb[t]!, 4);
  for (const [l, { chosen, weight, margin }] of one.layers.entries()) {
    const others = all.layers[l]!;
    const slots = [t * chosen.length, (t + 1) * chosen.length] as const;
    if (margin[0]! < NEAR) continue;
    expect(chosen[0]).toBe(others.chosen[slots[0]]);
    others.weight.subarray(...slots).forEach((expected, j) => {
      expect(weight[j]).toBeCloseTo(expected, 4);
    });
  }
}
