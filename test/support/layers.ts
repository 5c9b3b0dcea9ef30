/** Layers that several tests reckon with by hand. */
import { layerTrace } from './layerTrace.ts';

/** Four tokens, top-1 of 4 experts with one runner-up; three want expert 0. C = 1 at a factor of 1. */
export const CROWD = layerTrace({
  experts: 4,
  k: 1,
  chosen: [
    [0, 1],
    [0, 1],
    [0, 1],
    [2, 0],
  ],
  weight: [
    [0.5, 0.25],
    [0.75, 0.125],
    [0.625, 0.25],
    [1, 0],
  ],
});

/** Four tokens, top-2 of 4: c = 4, 2, 1, 1; first choices 3, 1, 0, 0; P = 0.4, 0.3, 0.2, 0.1. */
export const UNEVEN = layerTrace({
  experts: 4,
  k: 2,
  chosen: [
    [0, 1],
    [0, 2],
    [0, 3],
    [1, 0],
  ],
  probSum: [1.6, 1.2, 0.8, 0.4],
  logSumExpSq: 10,
});
