/** A token that comes alone behind many is computed from the cache as it lies: it is routed as it is among others. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { OpenModel, RoutedTokens, Sequence } from '../../extension/engine/model.ts';
import { openCheckpoint } from '../../extension/engine/openCheckpoint.ts';
import { readSafetensorsHeader } from '../../extension/formats/safetensors.ts';
import type { TokenRanges } from '../../extension/protocol/engine.ts';
import { ScratchCheckpoint } from '../support/checkpoint.ts';
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
    const model = await opened(folder);
    try {
      const { ids } = await textOf(model);
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

/** The id of a token that no text of the tests has. */
const SPOILT = 7;

it.each(['olmoe', 'deepseek_v2'])(
  '%s: what a token has left behind that is taken back says nothing, even where it is no number',
  async (name) => {
    const checkpoint = new ScratchCheckpoint(name);
    await spoil(checkpoint);
    const model = await opened(checkpoint.folder);
    try {
      const { ids } = await textOf(model);
      expect(ids).not.toContain(SPOILT);
      const before = ids.subarray(0, TOKENS - ALONE);
      /** Of the second token that comes alone: the log-probability of one that comes after something was taken back is not asked for. */
      const second = async (sequence: Sequence): Promise<RoutedTokens> => {
        await sequence.append(ids.subarray(before.length, before.length + 1));
        return sequence.append(ids.subarray(before.length + 1, before.length + 2));
      };
      const sequence = model.sequence(TOKENS);
      sequence.reset(TOKENS);
      await sequence.append(before);
      const expected = await second(sequence);
      expect(expected.logProb[0]).toBeLessThan(0);
      sequence.rewind(before.length);
      const spoilt = await sequence.append(Int32Array.of(SPOILT, SPOILT, SPOILT));
      expect(spoilt.logProb[2]).toBeNaN();
      // With less room than was taken.
      const fork = sequence.fork(before.length, before.length + 2);
      sequence.rewind(before.length);
      expectSame(await second(sequence), expected, 0);
      expectSame(await second(fork), expected, 0);
      sequence.rewind(before.length);
      await sequence.append(Int32Array.of(SPOILT, SPOILT, SPOILT));
      sequence.reset(TOKENS);
      await sequence.append(before);
      expectSame(await second(sequence), expected, 0);
    } finally {
      await model.close();
      checkpoint.dispose();
    }
  },
);

async function opened(folder: string): Promise<OpenModel> {
  return openCheckpoint(
    { folder, cache, cacheLimit: 0, threads: 1, context: TOKENS, precision: 'float32', provider: 'cpu' },
    { importer: join(ROOT, 'dist/importer.js'), progress: () => undefined, signal: new AbortController().signal },
  );
}

function textOf({ tokenizer }: OpenModel): Promise<TokenRanges> {
  return tokenizer.encode('The router sends each token to two of its experts.\n'.repeat(100));
}

/** Makes the embedding of a token NaN. */
async function spoil(checkpoint: ScratchCheckpoint): Promise<void> {
  const path = checkpoint.path('model.safetensors');
  const tensors = await readSafetensorsHeader(path);
  const { offset, shape, bytes } = tensors.find((tensor) => tensor.name === 'model.embed_tokens.weight')!;
  const file = readFileSync(path);
  const row = bytes / shape[0]!;
  file.fill(0xff, offset + SPOILT * row, offset + (SPOILT + 1) * row);
  writeFileSync(path, file);
}

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
