/** Rotary positions as transformers has them. */
import { describe, expect, it } from 'vitest';
import { ConfigReader } from '../../extension/formats/config.ts';
import type { JsonObject } from '../../extension/formats/json.ts';
import { productScale, readRope, ropeTables } from '../../extension/models/rope.ts';
import type { RopeSpec } from '../../extension/models/spec.ts';

const POSITION = 30_000;

/**
 * What transformers' _compute_yarn_parameters prints with ATEN_CPU_CAPABILITY=default: PyTorch's vectorised powers are off by a bit
 * in the last place here and there, by machine.
 */
const YARN: readonly (readonly [name: string, rope: RopeSpec, frequencies: readonly number[]])[] = [
  [
    "gpt-oss's, whose bounds are not rounded",
    {
      base: 150_000,
      dims: 64,
      scaling: {
        kind: 'yarn',
        factor: 32,
        originalContext: 4096,
        betaFast: 32,
        betaSlow: 1,
        attentionFactor: 1.3465735902799727,
        truncate: false,
      },
    },
    [
      ...[1.0, 0.6890442967414856, 0.4747820496559143, 0.32714587450027466, 0.22541800141334534, 0.15532298386096954],
      ...[0.1070244163274765, 0.07374456524848938, 0.05081327259540558, 0.031705696135759354, 0.019335001707077026],
      ...[0.011592049151659012, 0.006794959306716919, 0.0038603590801358223, 0.002093792660161853, 0.00105260219424963],
      ...[0.0004564839182421565, 0.00012931869423482567, 3.830881178146228e-5, 2.6396468456368893e-5],
      ...[1.818833698052913e-5, 1.253256959898863e-5, 8.635495760245249e-6, 5.95023948335438e-6, 4.099978468730114e-6],
      ...[2.8250667583051836e-6, 1.9465962850517826e-6, 1.3412909538601525e-6, 9.242089618055616e-7],
      ...[6.368209142237902e-7, 4.38797854940276e-7, 3.023511396804679e-7],
    ],
  ],
  [
    "DeepSeek's",
    {
      base: 10_000,
      dims: 32,
      scaling: {
        kind: 'yarn',
        factor: 40,
        originalContext: 4096,
        betaFast: 32,
        betaSlow: 1,
        attentionFactor: 1,
        truncate: true,
      },
    },
    [
      ...[1.0, 0.5623413324356079, 0.3162277638912201, 0.17782793939113617, 0.10000000149011612, 0.05623412877321243],
      ...[0.027218176051974297, 0.012829016894102097, 0.005821428261697292, 0.0024903686717152596],
      ...[0.0009599771583452821, 0.00029214590904302895, 2.499999936844688e-5, 1.4058532542549074e-5],
      ...[7.905694474175107e-6, 4.445698323252145e-6],
    ],
  ],
  [
    'one with a factor that float32 does not hold',
    {
      base: 10_000,
      dims: 16,
      scaling: {
        kind: 'yarn',
        factor: 3.3,
        originalContext: 2048,
        betaFast: 20,
        betaSlow: 1.5,
        attentionFactor: 1,
        truncate: false,
      },
    },
    [
      ...[1.0, 0.3162277638912201, 0.10000000149011612, 0.025982553139328957, 0.005118592642247677],
      ...[0.0009582660859450698, 0.0003030303050763905, 9.582660277374089e-5],
    ],
  ],
];

describe('YaRN, far from the start of a text', () => {
  it.each(YARN)('%s turns as the reference does to the last bit', (_, rope, frequencies) => {
    const { cos, sin } = ropeTables(rope, POSITION + 1, POSITION + 1);
    const magnitude = rope.scaling.kind === 'yarn' ? rope.scaling.attentionFactor : 1;
    const turned = (by: (angle: number) => number): Float32Array =>
      Float32Array.from(frequencies, (f) => Math.fround(by(Math.fround(POSITION * f))) * magnitude);
    const start = POSITION * frequencies.length;
    expect(cos.slice(start)).toEqual(turned(Math.cos));
    expect(sin.slice(start)).toEqual(turned(Math.sin));
  });
});

it.each(['linear', 'dynamic', 'llama3'])(
  'does not guess by how much a rotation that is %s is stretched',
  (rope_type) => {
    const frequencies = { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 64 };
    const read = (section: JsonObject): RopeSpec =>
      readRope(new ConfigReader({ rope_parameters: { rope_type, ...frequencies, ...section } }), {
        ...{ base: 10_000, headDim: 16, context: 4096 },
      });
    expect(() => read({})).toThrow("The model's config.json has no factor.");
    expect(read({ factor: 2 }).scaling).toMatchObject({ kind: rope_type, factor: 2 });
  },
);

describe('a config that describes its rotation twice', () => {
  const defaults = { base: 10_000, headDim: 16, context: 4096 };
  const linear = { rope_type: 'linear', factor: 2 };

  it('means rope_scaling, with a base from outside or the usual one', () => {
    const read = (config: JsonObject): RopeSpec => readRope(new ConfigReader(config), defaults);
    const parameters = { rope_type: 'linear', factor: 8, rope_theta: 500_000 };
    const scaling = { kind: 'linear', factor: 2 };
    expect(read({ rope_parameters: parameters, rope_scaling: linear })).toEqual({ base: 10_000, dims: 16, scaling });
    const based = { rope_parameters: parameters, rope_scaling: linear, rope_theta: 70_000 };
    expect(read(based)).toEqual({ base: 70_000, dims: 16, scaling });
    expect(read({ rope_parameters: parameters, rope_scaling: {} })).toEqual({
      base: 500_000,
      dims: 16,
      scaling: { kind: 'linear', factor: 8 },
    });
    expect(read({ rope_parameters: parameters, rope_scaling: null }).base).toBe(500_000);
  });

  it('leaves nothing unread of the other', () => {
    const config = new ConfigReader({ rope_parameters: { rope_type: 'other', alpha: 3 }, rope_scaling: linear });
    readRope(config, defaults);
    expect(productScale(config)).toBe(1);
    expect(config.unread()).toEqual([]);
  });
});
