import { safeParse } from 'valibot';
import { expect, test } from 'vitest';
import { toLoadView, toMap } from '../../webview/messages.ts';

const shape = { layer: 0, experts: 2, k: 1, candidates: 2 };

test('NaN comes as null, as VS Code sends messages as JSON, and is NaN again', () => {
  const layers = [{ ...shape, counts: new Float64Array(2), meanEntropy: null, meanMargin: null }];
  const result = safeParse(toLoadView, { type: 'load', layers });
  expect(result.success && result.output.type === 'load' && result.output.layers[0]?.meanEntropy).toBeNaN();
});

test('typed arrays are not copied', () => {
  const windows = Uint32Array.of(0, 512);
  const result = safeParse(toMap, { type: 'trace', generation: 1, from: 0, windows });
  expect(result.success && result.output.type === 'trace' && result.output.windows).toBe(windows);
});

test.each([
  ['nothing', undefined],
  ['an unknown type', { type: 'surprise' }],
  ['a plain array for a typed one', { type: 'trace', generation: 1, from: 0, windows: [0] }],
  ['a token that is none', { type: 'reveal', token: -1, select: true }],
])('%s is refused', (_, message) => {
  expect(safeParse(toMap, message).success).toBe(false);
});
