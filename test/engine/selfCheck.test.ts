import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compare, isCorrect, isRepeatable, type Probe } from '../../extension/engine/selfCheck.ts';
import { Verdicts, type Verdict } from '../../extension/engine/verdicts.ts';
import { traceOf } from '../host/routedTextOf.ts';

/** Two tokens at two layers of 8 experts, top-1 with a runner-up; `first` and `second` are the layers' choices. */
function probed(first: readonly number[], second: readonly number[], logProb: readonly number[]): Probe {
  const layers = [first, second].map((chosen, layer) => ({
    layer,
    experts: 8,
    k: 1,
    slots: chosen.map((e) => [[e, 0.5] as const, [(e + 1) % 8, 0.25] as const]),
    entropy: chosen.map(() => 1),
    margin: chosen.map(() => 0.25),
  }));
  const { tokens, layers: traced } = traceOf({ text: 'ab', tokens: [[0, 1], [1, 2]], layers }); // prettier-ignore
  return { ids: tokens.ids, layers: traced, logProb: Float32Array.from(logProb), milliseconds: 1 };
}

const cpu = probed([1, 2], [3, 4], [NaN, -2]);

test('the worst layer and the log-probabilities decide', () => {
  expect(compare(cpu, cpu)).toEqual({ share: 1, nats: 0 });
  // One of two choices differs at the second layer, none at the first; |−2 + 2.5| over the one token that has a probability.
  const other = compare(cpu, probed([1, 2], [3, 5], [NaN, -2.5]));
  expect(other).toEqual({ share: 0.5, nats: 0.5 });
  expect(isCorrect(other, 'float32')).toBe(false);
  expect(isCorrect({ share: 1, nats: 0.0009 }, 'float32')).toBe(true);
  expect(isCorrect({ share: 1, nats: 0.07 }, 'int4')).toBe(false);
});

test('what is not finite is not correct', () => {
  expect(isCorrect(compare(cpu, probed([1, 2], [3, 4], [NaN, NaN])), 'float16')).toBe(false);
});

test('a run that chooses otherwise the second time is not repeatable', () => {
  expect(isRepeatable(cpu, probed([1, 2], [3, 4], [NaN, -3]))).toBe(true);
  expect(isRepeatable(cpu, probed([1, 2], [4, 4], [NaN, -2]))).toBe(false);
});

test('verdicts are remembered; a damaged file counts as none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'moescope-verdicts-'));
  try {
    const slow: Verdict = { outcome: 'slow', chunk: 31, sentence: 'webgpu is slow.' };
    await new Verdicts(join(folder, 'new')).set('a', slow);
    expect(await new Verdicts(join(folder, 'new')).get('a')).toEqual(slow);
    expect(await new Verdicts(join(folder, 'new')).get('b')).toBeUndefined();
    for (const damage of ['', '[]', '{"a":{"at":1e99,"verdict":{"outcome":"trusted","chunk":0,"sentence":""}}}']) {
      writeFileSync(join(folder, 'new/providers.json'), damage);
      expect(await new Verdicts(join(folder, 'new')).get('a')).toBeUndefined();
    }
    // Nor is anything left where the file cannot be written.
    const blocked = join(folder, 'blocked');
    mkdirSync(join(blocked, 'providers.json'), { recursive: true });
    await new Verdicts(blocked).set('a', slow);
    expect(readdirSync(blocked)).toEqual(['providers.json']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
