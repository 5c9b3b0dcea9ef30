/**
 * Forms of the MoE layer on the CPU, in one run: ours, a node or so an expert over sorted rows, against ONNX Runtime's fused
 * operators, which only do some routers and activations. Ratios are of the fused operator's time to ours: above 1, ours is faster.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tensor, type InferenceSession } from 'onnxruntime-node';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
  type AttributeProto,
  type TensorProto,
} from '../../extension/formats/onnx_pb.ts';
import { exactLinear } from '../../extension/models/blocks/linear.ts';
import { WEIGHT_FILE } from '../../extension/models/decoder.ts';
import { Graph } from '../../extension/models/graph.ts';
import { blockFormat } from '../../extension/models/quantization.ts';
import { WeightPlan } from '../../extension/models/weights.ts';
import { HIDDEN, INTERMEDIATE, layer, open, ours, random, writeWeights } from './moeLayer.ts';

const K = 2;
const EXPERTS = [8, 16, 64, 128];
const TOKENS = [1, 16, 512];
/** Runs of each, in turns; the best counts. */
const RUNS = 15;

const folder = mkdtempSync(join(tmpdir(), 'moescope-forms-'));

/** One fused operator that routes, too; gates and values of the first product alternate. */
async function fused(experts: number, precision: 'float32' | 'int4'): Promise<InferenceSession> {
  const tensors: TensorProto[] = [];
  let at = 4 * experts * HIDDEN;
  const weight = (name: string, dataType: TensorProto_DataType, shape: readonly number[]): string => {
    const bytes = (dataType === TensorProto_DataType.FLOAT ? 4 : 1) * shape.reduce((a, b) => a * b);
    const externalData = [
      { key: 'location', value: WEIGHT_FILE },
      { key: 'offset', value: String(at) },
      { key: 'length', value: String(bytes) },
    ];
    const dataLocation = TensorProto_DataLocation.EXTERNAL;
    tensors.push(create(TensorProtoSchema, { name, dataType, dims: shape.map(BigInt), dataLocation, externalData }));
    at += Math.ceil(bytes / 64) * 64;
    return name;
  };
  const { FLOAT, UINT8 } = TensorProto_DataType;
  const block = blockFormat('int4')!.block;
  const matrix = (name: string, rows: number, columns: number): string[] =>
    precision === 'float32'
      ? [weight(name, FLOAT, [experts, rows, columns]), '']
      : [
          weight(name, UINT8, [experts, rows, columns / 2]),
          weight(`${name} scales`, FLOAT, [experts, rows, columns / block]),
          '',
        ];
  const first = matrix('gates and values', 2 * INTERMEDIATE, HIDDEN);
  const second = matrix('down', HIDDEN, INTERMEDIATE);

  const graph = new Graph(WEIGHT_FILE);
  const x = graph.input('x', 'float32', ['tokens', HIDDEN]);
  const routerBytes = 4 * experts * HIDDEN;
  const plan = new WeightPlan(
    new Map([
      [
        'router',
        { name: 'router', dtype: 'F32', shape: [experts, HIDDEN], offset: 0, bytes: routerBytes, file: '', state: '' },
      ],
    ]),
    {},
  );
  const logits = exactLinear(graph, plan, x, layer(experts, K).router.projection);
  graph.output(logits, 'float32', ['tokens', experts]);
  const model = fromBinary(ModelProtoSchema, graph.bytes('fused'));
  const integer = (name: string, i: number): AttributeProto =>
    create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(i) });
  const text = (name: string, value: string): AttributeProto =>
    create(AttributeProtoSchema, {
      name,
      type: AttributeProto_AttributeType.STRING,
      s: new TextEncoder().encode(value),
    });
  model.graph!.node.push(
    create(NodeProtoSchema, {
      opType: precision === 'float32' ? 'MoE' : 'QMoE',
      domain: 'com.microsoft',
      name: 'fused',
      input: [x, logits, ...first, ...second],
      output: ['y'],
      attribute: [
        integer('k', K),
        integer('normalize_routing_weights', 1),
        text('activation_type', 'swiglu'),
        integer('swiglu_fusion', 1),
        create(AttributeProtoSchema, { name: 'activation_alpha', type: AttributeProto_AttributeType.FLOAT, f: 1 }),
        create(AttributeProtoSchema, { name: 'activation_beta', type: AttributeProto_AttributeType.FLOAT, f: 0 }),
        ...(precision === 'int4' ? [integer('expert_weight_bits', 4), integer('block_size', block)] : []),
      ],
    }),
  );
  model.graph!.initializer.push(...tensors);
  const { type } = model.graph!.output[0]!;
  model.graph!.output.push({ ...model.graph!.output[0]!, name: 'y', ...(type ? { type } : {}) });
  writeWeights(folder, WEIGHT_FILE, at, random(experts * HIDDEN), 0);
  return open(folder, toBinary(ModelProtoSchema, model));
}

for (const precision of ['float32', 'int4'] as const) {
  for (const experts of EXPERTS) {
    const first = await ours(folder, experts, K, precision);
    const second = await fused(experts, precision);
    for (const tokens of TOKENS) {
      const x = new Tensor('float32', random(tokens * HIDDEN), [tokens, HIDDEN]);
      const best = [Infinity, Infinity];
      for (let i = 0; i < RUNS; i++) {
        for (const [at, session] of [first, second].entries()) {
          const start = performance.now();
          await session.run({ x }, [session.outputNames.at(-1)!]);
          best[at] = Math.min(best[at]!, performance.now() - start);
        }
      }
      const [mine, theirs] = best as [number, number];
      const what = `${precision}, ${experts} experts, ${tokens} tokens`.padEnd(36);
      const operator = precision === 'float32' ? 'MoE' : 'QMoE';
      console.log(
        `${what} ${mine.toFixed(2).padStart(8)} ms, ${operator} ${theirs.toFixed(2).padStart(8)} ms: ${(theirs / mine).toFixed(2)} ×`,
      );
    }
    await first.release();
    await second.release();
  }
}
rmSync(folder, { recursive: true });
