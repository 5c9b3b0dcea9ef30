/** Interventions in the forward pass: nothing changed is nothing changed, and each does what the reference does. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { capacityCurve } from '../../extension/analysis/capacity.ts';
import type { ModelRequest } from '../../extension/protocol/engine.ts';
import { CAPACITY_POLICIES, type Intervention, type Measured } from '../../extension/protocol/intervention.ts';
import { NO_EXPERT } from '../../extension/protocol/trace.ts';
import { measureText, TestEngine } from '../support/analyze.ts';
import { FIXTURES, Reference, ROOT } from '../support/reference.ts';

const CASES = join(FIXTURES, 'checkpoints');

let engine: TestEngine;
beforeAll(() => {
  engine = new TestEngine();
});
afterAll(() => {
  engine.dispose();
});

describe.each(readdirSync(CASES))('%s', (name) => {
  it('is what it is when nothing is changed', async () => {
    const folder = join(CASES, name);
    const { inputs } = await Reference.read(join(folder, 'reference'));
    const text = inputs.toSorted((a, b) => b.length - a.length)[0]!;
    const plain = await engine.analyze(folder, text);
    const { moeLayers } = plain.origin.model;
    const bias = moeLayers.map(({ experts }, layer) => ({ layer, values: new Float32Array(experts) }));
    for (const measured of await measureText(engine, folder, text, [{}, { bias, temperature: 1 }])) {
      expect(measured.logProb).toEqual(plain.tokens.logProb);
      measured.layers.forEach((layer, i) => {
        const { chosen, weight, entropy, margin, probSum } = plain.layers[i]!;
        expect(layer).toMatchObject({ chosen, weight, entropy, margin });
        layer.probSum.forEach((sum, e) => {
          expect(sum).toBeCloseTo(probSum[e]!, 6);
        });
      });
    }
  });
});

interface Facts {
  readonly checkpoint: string;
  readonly interventions: readonly Written[];
}

/** An intervention as JSON has it. */
type Written = Omit<Intervention, 'bias'> & { readonly bias?: { readonly layer: number; readonly values: number[] }[] };

const ANSWERS = join(FIXTURES, 'interventions');
const NAMES = readdirSync(ANSWERS).flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -'.json'.length)] : []));

describe.each(NAMES)('%s under interventions', (name) => {
  it('routes and foresees as the reference does', async () => {
    const expected = await Reference.read(join(ANSWERS, name));
    const facts = JSON.parse(readFileSync(join(ANSWERS, `${name}.json`), 'utf8')) as Facts;
    const interventions = facts.interventions.map(({ bias, ...rest }): Intervention => ({
      ...rest,
      ...(bias ? { bias: bias.map(({ layer, values }) => ({ layer, values: Float32Array.from(values) })) } : {}),
    }));
    const measured = await measureText(engine, join(CASES, facts.checkpoint), expected.inputs[0]!, interventions);
    for (const { index, logProb, layers } of measured) {
      const what = JSON.stringify(facts.interventions[index]);
      expect(expected.has(`visited.${index}.${layers.length - 1}`), what).toBe(true);
      expect(expected.has(`visited.${index}.${layers.length}`), what).toBe(false);
      layers.forEach(({ chosen, candidates, k, entropy }, layer) => {
        const visited = expected.get(`visited.${index}.${layer}`);
        expect(visited.shape, what).toEqual([entropy.length, k]);
        for (let t = 0; t < entropy.length; t++) {
          const ours = Array.from(chosen.subarray(t * candidates, t * candidates + k), (e) =>
            e === NO_EXPERT ? -1 : e,
          );
          const theirs = [...visited.data.subarray(t * k, (t + 1) * k)];
          expect(ours.toSorted(), `${what}, layer ${layer}, token ${t}`).toEqual(theirs.toSorted());
        }
      });
      const theirs = expected.get(`logprob.${index}`).data;
      expect(logProb).toHaveLength(theirs.length);
      logProb.forEach((ours, t) => {
        if (Number.isNaN(theirs[t])) expect(ours, what).toBeNaN();
        else expect(Math.abs(ours - theirs[t]!), `${what}, token ${t}`).toBeLessThan(1e-3);
      });
    }
  });
});

describe('what cannot be', () => {
  const ask = (name: string, ...interventions: Intervention[]): Promise<Measured[]> =>
    measureText(engine, join(CASES, name), 'One text.', interventions);

  it.each<[name: string, intervention: Intervention, sentence: RegExp]>([
    ['mixtral', { masked: [{ layer: 1, expert: 8 }] }, /There is no expert 8 in layer 1; it has 8, from 0 on\./],
    ['mixtral', { silenced: [{ layer: 4, expert: 0 }] }, /4 layers with experts; there is no number 4 among them/],
    ['mixtral', { k: 9 }, /chooses 9 experts in layer 0, but only 8 can be chosen/],
    ['mixtral', { k: 1.5 }, /a whole number of experts/],
    ['mixtral', { temperature: 0 }, /temperature is 0; it can be/],
    ['mixtral', { temperature: NaN }, /temperature is NaN; it can be/],
    ['mixtral', { capacity: { factor: -1, policy: 'weight' } }, /capacity factor is -1; it has to be more than 0/],
    ['mixtral', { bias: [{ layer: 0, values: new Float32Array(7) }] }, /has 7 values, but the layer has 8 experts/],
    [
      'mixtral',
      { bias: [{ layer: 0, values: new Float32Array(8).fill(Infinity) }] },
      /bias for layer 0 is not a number/,
    ],
    ['mixtral', { withoutShared: true }, /no shared expert/],
    ['mixtral', { masked: Array.from({ length: 7 }, (_, expert) => ({ layer: 2, expert })) }, /only 1 can be chosen/],
    // Two of four groups with four experts each are open: eight experts, whichever they are.
    ['deepseek_v3', { k: 9 }, /chooses 9 experts in layer \d, but only 8 can be chosen/],
    ['phimoe', { k: 3 }, /sparse mixer/],
    ['switch_transformers', { k: 2 }, /capacity that is made for one expert a token/],
  ])('%s: %j', async (name, intervention, sentence) => {
    await expect(ask(name, intervention)).rejects.toMatchObject({
      code: 'intervention-invalid',
      message: expect.stringMatching(sentence) as string,
    });
  });

  it('says that a graph of others has no place for them', async () => {
    const folder = join(FIXTURES, 'onnx/optimum-qwen3_moe-fp32');
    await expect(measureText(engine, folder, 'One text.', [{ k: 1 }])).rejects.toMatchObject({
      code: 'precision-unsupported',
      message: expect.stringContaining('measure interventions on the checkpoint that it was made from') as string,
    });
  });

  it('goes on after a refusal', async () => {
    expect(await ask('mixtral', { k: 1 })).toHaveLength(1);
  });
});

describe('a limit on capacity at one layer', () => {
  const code = 'export function route(tokens, experts) { return tokens.map((t) => t % experts); }\n'.repeat(12);

  // What comes before a layer is as it was, so that each layer alone drops and moves what is counted.
  it.each<[what: string, folder: string, options: Partial<ModelRequest>]>([
    ['a text of several windows, one batch', join(ROOT, 'media/demo-models/collapsed'), { context: 100 }],
    ['a model with a limit of its own, which is lifted', join(CASES, 'switch_transformers'), {}],
    ['a model with groups of experts', join(CASES, 'deepseek_v3'), {}],
  ])('drops and moves what is counted: %s', async (_, folder, options) => {
    const plain = await engine.analyze(folder, code, options);
    if (options.context !== undefined) expect(plain.windows.length).toBeGreaterThan(2);
    const factor = 1;
    const counted = capacityCurve(plain.layers, plain.routed, [factor])[0]!;
    for (const policy of CAPACITY_POLICIES) {
      const interventions = plain.layers.map((_, layer): Intervention => ({
        capacity: { factor, policy },
        layers: [layer],
      }));
      for (const { index, slots } of await measureText(engine, folder, code, interventions, options)) {
        const point = counted.layers[index]!;
        const { dropped, moved } = policy === 'reroute' ? point.rerouted! : { dropped: point.dropped, moved: 0 };
        expect(slots).toEqual([{ layer: index, dropped, moved }]);
        expect(dropped + moved).toBeGreaterThan(0);
      }
    }
  });
});

describe.each(['int8', 'int4'] as const)('in %s', (precision) => {
  it.each(['mixtral', 'deepseek_v3', 'gpt_oss', 'switch_transformers'])(
    '%s is what it is when nothing is changed',
    async (name) => {
      const folder = join(CASES, name);
      const text = 'The router sends each token to a few experts, and the load is rarely even.';
      const plain = await engine.analyze(folder, text, { precision });
      const [same, other] = await measureText(engine, folder, text, [{}, { temperature: 3 }], { precision });
      expect(same!.logProb).toEqual(plain.tokens.logProb);
      expect(same!.layers.map(({ chosen }) => chosen)).toEqual(plain.layers.map(({ chosen }) => chosen));
      expect(other!.logProb).not.toEqual(plain.tokens.logProb);
    },
  );
});

describe('a measurement that is cancelled', () => {
  it('keeps what has arrived, and the next one is answered', async () => {
    const folder = join(CASES, 'olmoe');
    const text = 'for (let i = 0; i < n; i++) load[i] += 1;\n'.repeat(40);
    const interventions = Array.from({ length: 16 }, (_, expert): Intervention => ({ masked: [{ layer: 0, expert }] }));
    const stop = new AbortController();
    const arrived: number[] = [];
    const progress: number[] = [];
    await expect(
      engine.client.measure(
        engine.model(folder),
        { text, interventions, logProb: true, routing: false },
        {
          progress: ({ stage, done, total }) => {
            if (stage === 'measure') progress.push(done / total);
          },
          began: () => undefined,
          measured: ({ index, logProb, layers }) => {
            arrived.push(index);
            expect(logProb.some((p) => p < 0)).toBe(true);
            expect(layers).toEqual([]);
            stop.abort();
          },
        },
        stop.signal,
      ),
    ).rejects.toMatchObject({ code: 'cancelled' });
    expect(arrived.length).toBeGreaterThan(0);
    expect(arrived.length).toBeLessThan(16);
    expect(progress.every((share, i) => share >= (progress[i - 1] ?? 0) && share < 1)).toBe(true);
    expect(await measureText(engine, folder, 'One text.', [])).toEqual([]);
    expect(await measureText(engine, folder, 'One text.', [{}, { k: 1 }])).toHaveLength(2);
  });
});
