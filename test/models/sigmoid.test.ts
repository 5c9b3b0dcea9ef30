import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { sigmoid } from '../../extension/models/blocks/sigmoid.ts';
import { Graph } from '../../extension/models/graph.ts';

it('keeps the share that a router’s scores have of one another, however small they are', async () => {
  const graph = new Graph('');
  const x = graph.input('x', 'float32', ['n']);
  const y = graph.output(sigmoid(graph, x), 'float32', ['n']);
  const session = await InferenceSession.create(graph.bytes('sigmoid'));
  const logits = Float32Array.of(-80, -20, -17, -14, -8, -1, 0, 1, 8, 20);
  const scores = (await session.run({ x: new Tensor('float32', logits, [logits.length]) }))[y]!.data as Float32Array;
  logits.forEach((logit, i) => {
    const wanted = 1 / (1 + Math.exp(-logit));
    expect(scores[i]! / wanted, `of ${logit}`).toBeCloseTo(1, 5);
  });
  await session.release();
});

it('gives nothing to an expert that is not there, and all to one that cannot be surer', async () => {
  const graph = new Graph('');
  const x = graph.input('x', 'float32', ['n']);
  const y = graph.output(sigmoid(graph, x), 'float32', ['n']);
  const session = await InferenceSession.create(graph.bytes('sigmoid'));
  const outputs = await session.run({ x: new Tensor('float32', Float32Array.of(-1e30, 1e30), [2]) });
  expect([...(outputs[y]!.data as Float32Array)]).toEqual([0, 1]);
  await session.release();
});
