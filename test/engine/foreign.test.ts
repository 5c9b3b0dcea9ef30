/** ONNX models as others exported them: their routers are found, and route as the reference implementation does. */
import { create } from '@bufbuild/protobuf';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { chooser } from '../../extension/engine/live/continuation.ts';
import { LiveRouter } from '../../extension/engine/live/liveRouter.ts';
import { openModel } from '../../extension/engine/open.ts';
import { prefill } from '../../extension/engine/prefill.ts';
import { GraphProtoSchema, TensorProto_DataType as Type, TensorProtoSchema } from '../../extension/formats/onnx_pb.ts';
import { inspect } from '../../extension/inspector/inspect.ts';
import { GraphIndex } from '../../extension/models/foreign/graphIndex.ts';
import { foreignWeights } from '../../extension/models/foreign/parameters.ts';
import { readForeign } from '../../extension/models/foreign/readForeign.ts';
import type { LayerTrace, RoutingTrace } from '../../extension/protocol/trace.ts';
import { TestEngine } from '../support/analyze.ts';
import { compareLayer, compareTrace, keyOf } from '../support/compare.ts';
import { node } from '../support/onnx.ts';
import { FIXTURES, Reference } from '../support/reference.ts';
import { readRule } from '../support/router.ts';

let engine: TestEngine;
beforeAll(() => {
  engine = new TestEngine();
});
afterAll(() => {
  engine.dispose();
});

const folderOf = (name: string): string => join(FIXTURES, 'onnx', name);
const referenceOf = (name: string): string => join(FIXTURES, 'checkpoints', name, 'reference');

describe.each([
  ['onnxruntime-genai-gpt_oss-fp32', 'gpt_oss'],
  ['onnxruntime-genai-lfm2_moe-fp32', 'lfm2_moe'],
  ['onnxruntime-genai-qwen3_5_moe-fp32', 'qwen3_5_moe_text'],
  ['optimum-gpt_oss-fp32', 'gpt_oss'],
  ['optimum-qwen3_moe-fp32', 'qwen3_moe'],
  ['torch-mixtral-fp32', 'mixtral'],
  ['transformers-olmoe-fp32', 'olmoe'],
  ['transformers-phimoe-fp32', 'phimoe'],
])('%s', (name, reference) => {
  it('routes every text as the reference does', async () => {
    const expected = await Reference.read(referenceOf(reference));
    const rule = await readRule(referenceOf(reference));
    for (const [i, text] of expected.inputs.entries()) {
      const trace = await engine.analyze(folderOf(name), text);
      expect([...trace.tokens.ids]).toEqual([...expected.get(`input_ids.${i}`).data]);
      compareTrace(trace, expected, i, rule);
    }
  });

  it('decodes greedily as the reference does', async () => {
    const expected = await Reference.read(referenceOf(reference));
    const [text] = expected.inputs;
    const wanted = [...expected.get('greedy.0').data];
    const trace = await engine.analyze(folderOf(name), text!, {}, wanted.length);
    expect([...trace.tokens.ids.subarray(trace.generatedFrom)]).toEqual(wanted);
  });
});

/** Blocks of a few bits round the small matrices of these models by much: see how often the same experts are chosen. */
describe.each([
  ['onnxruntime-genai-gpt_oss-int4', 'gpt_oss', 'int4', 0.8],
  ['onnxruntime-genai-lfm2_moe-int4', 'lfm2_moe', 'int4', 0.75],
  ['onnxruntime-genai-qwen3_5_moe-fp16', 'qwen3_5_moe_text', 'float16', 0.97],
  ['optimum-qwen3_moe-q4', 'qwen3_moe', 'int4', 0.8],
])('%s', (name, reference, precision, floor) => {
  it('mostly chooses the experts of the reference', async () => {
    const expected = await Reference.read(referenceOf(reference));
    for (const i of [0, 1]) {
      const trace = await engine.analyze(folderOf(name), expected.inputs[i]!);
      expect(trace.origin.model.precision).toBe(precision);
      expect(trace.layers.map(keyOf)).toEqual(expected.layersOf(i));
      for (const layer of trace.layers) expect(agreement(layer, expected, i), keyOf(layer)).toBeGreaterThan(floor);
    }
  });
});

describe('a text of several passes', () => {
  // The checkpoint's own run, which is compared with the reference elsewhere, tells what is right.
  it.each([
    ['onnxruntime-genai-gpt_oss-fp32', 'gpt_oss'],
    ['onnxruntime-genai-lfm2_moe-fp32', 'lfm2_moe'],
    ['onnxruntime-genai-qwen3_5_moe-fp32', 'qwen3_5_moe_text'],
    ['torch-mixtral-fp32', 'mixtral'],
  ])('%s carries its caches, or takes the window as a whole', async (name, checkpoint) => {
    const text = 'Each token visits a few experts; the router chooses them. '.repeat(40);
    const wanted = await engine.analyze(join(FIXTURES, 'checkpoints', checkpoint), text, { context: 1000 });
    const trace = await engine.analyze(folderOf(name), text, { context: 1000 });
    expect(trace.tokens.ids.length).toBeGreaterThan(512);
    expect([...trace.windows]).toEqual([...wanted.windows]);
    for (const [l, layer] of trace.layers.entries()) {
      const other = wanted.layers[l]!;
      for (let t = 0; t < trace.tokens.ids.length; t++) {
        if (other.margin[t]! < 1e-4) continue;
        const chosen = (of: LayerTrace): number[] => [
          ...of.chosen.subarray(t * of.candidates, t * of.candidates + of.k),
        ];
        expect(new Set(chosen(layer)), `layer ${layer.layer}, token ${t}`).toEqual(new Set(chosen(other)));
      }
    }
    for (const [t, logProb] of trace.tokens.logProb.entries()) {
      if (!Number.isNaN(logProb)) expect(logProb, `token ${t}`).toBeCloseTo(wanted.tokens.logProb[t]!, 2);
    }
  });
});

describe('a model without a cache', () => {
  it('writes a text on in one pass for all of it, and one for each token', async () => {
    const options = { importer: '', progress: () => undefined, signal: new AbortController().signal };
    const model = await openModel(engine.model(folderOf('torch-mixtral-fp32')), options);
    const make = model.sequence.bind(model);
    const passes: number[] = [];
    vi.spyOn(model, 'sequence').mockImplementation((capacity) => {
      const sequence = make(capacity);
      const append = sequence.append.bind(sequence);
      sequence.append = (ids, ...rest) => {
        passes.push(ids.length);
        return append(ids, ...rest);
      };
      return sequence;
    });
    try {
      const ids = Int32Array.from({ length: 33 }, (_, t) => t + 1);
      const choose = chooser({ temperature: 0, seed: 1 });
      const written: number[] = [];
      for await (const { id } of new LiveRouter(model).write(ids, 2, choose, 64e6, options.signal)) written.push(id);
      expect(written).toHaveLength(2);
      expect(passes).toEqual([33, 1, 1]);
    } finally {
      await model.close();
    }
  });

  it('takes a text in one pass, whatever its length, live and afresh', async () => {
    const options = { importer: '', progress: () => undefined, signal: new AbortController().signal };
    const model = await openModel(engine.model(folderOf('torch-mixtral-fp32')), options);
    expect(model.cacheless).toBe(true);
    try {
      for (const tokens of [16, 17, 33]) {
        const ids = Int32Array.from({ length: tokens }, (_, t) => t + 1);
        const windows = Uint32Array.of(0);
        const passes: [number, number][] = [];
        for await (const { from, to } of prefill(model, ids, windows, 0, options.signal)) passes.push([from, to]);
        const live = new LiveRouter(model).begin(1, ids, windows, { memory: 64e6 });
        for await (const { from, to } of live.parts(options.signal)) passes.push([from, to]);
        expect(passes, `${tokens} tokens`).toEqual([
          [0, tokens],
          [0, tokens],
        ]);
      }
    } finally {
      await model.close();
    }
  });
});

describe('optimum-deepseek_v3-fp32', () => {
  // The exporter leaves out the experts that its sample text did not visit, so what follows the first MoE layer differs.
  it('routes the first layer by groups as the reference does', async () => {
    const expected = await Reference.read(referenceOf('deepseek_v3'));
    const rule = await readRule(referenceOf('deepseek_v3'));
    const trace: RoutingTrace = await engine.analyze(folderOf('optimum-deepseek_v3-fp32'), expected.inputs[0]!);
    expect(trace.layers.map(keyOf)).toEqual(['1', '2', '3']);
    compareLayer(trace.layers[0]!, expected, 0, rule);
  });
});

describe('the size of a model', () => {
  async function infoOf(name: string): Promise<ReturnType<typeof foreignWeights>> {
    const { foreign } = await readForeign(join(folderOf(name), 'model.onnx'));
    const layers = foreign.sets[0]!.candidate.layers.map((place) => ({ ...place, candidates: place.k }));
    return foreignWeights(foreign.index, layers);
  }

  // Scales, zero points and tables of cosines and sines are no parameters. onnxruntime-genai gives what has none biases of zeros: each
  // layer's 8 experts 64 and 64, of 2 experts a token, and 2 convolutions 128.
  it.each([
    ['onnxruntime-genai-gpt_oss-fp32', 'gpt_oss', 0, 0],
    ['onnxruntime-genai-gpt_oss-int4', 'gpt_oss', 0, 0],
    ['optimum-gpt_oss-fp32', 'gpt_oss', 0, 0],
    ['onnxruntime-genai-lfm2_moe-fp32', 'lfm2_moe', 3 * 8 * 128, 3 * 2 * 128],
    ['onnxruntime-genai-lfm2_moe-int4', 'lfm2_moe', 3 * 8 * 128, 3 * 2 * 128],
    ['onnxruntime-genai-qwen3_5_moe-fp16', 'qwen3_5_moe_text', 4 * 8 * 128 + 256, 4 * 2 * 128 + 256],
    ['optimum-qwen3_moe-fp32', 'qwen3_moe', 0, 0],
    ['optimum-qwen3_moe-q4', 'qwen3_moe', 0, 0],
  ])('%s has the parameters of its checkpoint', async (name, checkpoint, added, active) => {
    const { parameters } = await inspect(join(FIXTURES, 'checkpoints', checkpoint));
    expect((await infoOf(name)).parameters).toEqual({
      total: parameters.total + added,
      active: parameters.active + active,
    });
  });

  it('is what lies in its file, however many precisions it has', async () => {
    const { bytes, precision } = await infoOf('onnxruntime-genai-gpt_oss-int4');
    expect(precision).toBe('int4');
    expect(bytes!.total).toBe(statSync(join(folderOf('onnxruntime-genai-gpt_oss-int4'), 'model.onnx.data')).size);
    // An expert: matrices of [128, 64] and [64, 64] in half bytes, a float32 for each 32 elements, and float32 biases. Each of 4
    // layers leaves 4 of its 8 alone.
    const expert = (128 * 64 + 64 * 64) / 2 + 4 * ((128 * 64 + 64 * 64) / 32) + 4 * (128 + 64);
    expect(bytes!.total - bytes!.active).toBe(4 * 4 * expert);
  });

  it('counts the elements of a table in 4 bits, whether its shape is in bytes or in elements', () => {
    for (const [dataType, width] of [
      [Type.UINT8, 32n],
      [Type.UINT4, 64n],
    ] as const) {
      const initializer = [create(TensorProtoSchema, { name: 'table', dataType, dims: [512n, width] })];
      const gather = node('GatherBlockQuantized', ['table', 'ids', 'scales'], ['rows'], { bits: 4 });
      const index = new GraphIndex(create(GraphProtoSchema, { node: [gather], initializer }));
      const { parameters, bytes } = foreignWeights(index, []);
      expect(parameters.total).toBe(512 * 64);
      expect(bytes!.total).toBe((512 * 64) / 2);
    }
  });
});

/** Share of the chosen experts that the reference chose, too. */
function agreement(layer: LayerTrace, expected: Reference, input: number): number {
  const { data } = expected.get(`topk_index.${input}.${keyOf(layer)}`);
  const { k, candidates, chosen } = layer;
  let same = 0;
  for (let t = 0; t < data.length / k; t++) {
    const wanted = new Set(data.subarray(t * k, (t + 1) * k));
    for (let j = 0; j < k; j++) if (wanted.has(chosen[t * candidates + j]!)) same += 1;
  }
  return same / data.length;
}
