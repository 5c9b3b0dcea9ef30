/** Routing equals the reference implementation's, token by token and layer by layer. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestEngine } from '../support/analyze.ts';
import { compareTrace, keyOf } from '../support/compare.ts';
import { FIXTURES, Reference, ROOT } from '../support/reference.ts';
import { readRule } from '../support/router.ts';
import { ScratchFolder } from '../support/scratch.ts';

const DEMO = join(ROOT, 'media/demo-models');
const CASES = join(FIXTURES, 'checkpoints');

let engine: TestEngine;
beforeAll(() => {
  engine = new TestEngine();
});
afterAll(() => {
  engine.dispose();
});

const MODELS: readonly (readonly [name: string, folder: string, reference: string])[] = [
  ['balanced', join(DEMO, 'balanced'), join(FIXTURES, 'demo/balanced')],
  ['collapsed', join(DEMO, 'collapsed'), join(FIXTURES, 'demo/collapsed')],
  // Every checkpoint of the fixtures. mixtral-odd has head size 12, which the attention kernel takes neither rotated nor as it
  // is, and two shards of different types; deepseek_v3-odd has FP8 weights in blocks that divide none of them, head sizes that
  // want padding, and a config as transformers 4 wrote it.
  ...readdirSync(CASES).map((name) => [name, join(CASES, name), join(CASES, name, 'reference')] as const),
];

describe.each(MODELS)('%s', (_, folder, reference) => {
  it('routes every text as the reference does', async () => {
    const expected = await Reference.read(reference);
    const rule = await readRule(reference);
    for (const [i, text] of expected.inputs.entries()) {
      const trace = await engine.analyze(folder, text);
      expect([...trace.tokens.ids]).toEqual([...expected.get(`input_ids.${i}`).data]);
      expect(trace.routed).toBe(trace.tokens.ids.length);
      compareTrace(trace, expected, i, rule);
    }
  });
});

describe.each(readdirSync(CASES))('%s', (name) => {
  it('decodes greedily as the reference does', async () => {
    const folder = join(CASES, name);
    const expected = await Reference.read(join(folder, 'reference'));
    // Of the first two texts the reference has tokens.
    for (const [i, text] of expected.inputs.slice(0, 2).entries()) {
      const wanted = [...expected.get(`greedy.${i}`).data];
      const trace = await engine.analyze(folder, text, {}, wanted.length);
      const given = trace.generatedFrom!;
      expect([...trace.tokens.ids.subarray(given)]).toEqual(wanted);
      for (const layer of trace.layers) {
        // An encoder sees nothing of the answer.
        if (layer.stack === 'encoder') continue;
        const steps = expected.get(`step_index.${i}.${keyOf(layer)}`).data;
        const { k, candidates } = layer;
        wanted.forEach((_, step) => {
          const at = (given + step) * candidates;
          const chosen = new Set(layer.chosen.subarray(at, at + k));
          expect(chosen, `layer ${layer.layer}, step ${step}`).toEqual(
            new Set(steps.subarray(step * k, (step + 1) * k)),
          );
        });
      }
    }
  });
});

describe('a text of several chunks', () => {
  it('routes as in one pass, and afresh in each context window', async () => {
    const expected = await Reference.read(join(FIXTURES, 'demo/long'));
    const rule = await readRule(join(FIXTURES, 'demo/long'));
    const [text] = expected.inputs;
    const whole = await engine.analyze(join(DEMO, 'balanced'), text!);
    expect([...whole.windows]).toEqual([0]);
    compareTrace(whole, expected, 0, rule);

    const windowed = await engine.analyze(join(DEMO, 'balanced'), text!, { context: 500 });
    expect([...windowed.windows]).toEqual([0, 500, 1000]);
    compareTrace(windowed, expected, 1, rule);
    for (const start of windowed.windows) expect(windowed.tokens.logProb[start]).toBeNaN();
  });
});

describe('a context so long that attention is computed in blocks', () => {
  it.each(['mixtral-window', 'qwen3_moe', 'deepseek_v3'])('%s routes as the reference does', async (name) => {
    const scratch = new ScratchFolder(join('checkpoints', name));
    try {
      const config = JSON.parse(readFileSync(scratch.path('config.json'), 'utf8')) as object;
      // A pass of 512 tokens has 8 GB of scores in each layer, of 4 heads.
      scratch.write('config.json', JSON.stringify({ ...config, max_position_embeddings: 2 ** 20 }));
      const expected = await Reference.read(scratch.path('reference'));
      const rule = await readRule(scratch.path('reference'));
      for (const [i, text] of expected.inputs.entries()) {
        const trace = await engine.analyze(scratch.folder, text);
        compareTrace(trace, expected, i, rule);
      }
    } finally {
      scratch.dispose();
    }
  });
});
