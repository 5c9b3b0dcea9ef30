import { expect, it } from 'vitest';
import { captureRouting } from '../../extension/engine/capture.ts';
import { NO_EXPERT } from '../../extension/protocol/trace.ts';

it('tells which tokens found no room with the only expert', () => {
  const outputs = {
    ...{ logits: Float32Array.of(2, 0, 1), scores: Float32Array.of(1, 1, 1), selection: Float32Array.of(1, 1, 1) },
    ...{ experts: Int32Array.of(0, 0, 0), weights: Float32Array.of(1, 1, 1), worth: Float32Array.of(1, 1, 1) },
    kept: Float32Array.of(1, 1, 0),
  };
  const layer = captureRouting(outputs, 3, { layer: 0, experts: 1, k: 1, candidates: 1 }, 'softmax');
  expect([...layer.chosen]).toEqual([0, 0, NO_EXPERT]);
  expect([...layer.weight]).toEqual([1, 1, 0]);
  expect([...layer.margin]).toEqual([NaN, NaN, NaN]);
});
