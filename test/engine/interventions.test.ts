/** Interventions in the forward pass: nothing changed is nothing changed, and each does what the reference does. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measureText, TestEngine } from '../support/analyze.ts';
import { FIXTURES, Reference } from '../support/reference.ts';

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
