import { describe, expect, it } from 'vitest';
import { fp8ToFloat32 } from '../../extension/engine/toFloat32.ts';

/** Values from the table of arXiv 2209.05433: largest, one, smallest, largest subnormal, signs, and NaN. */
const E4M3: readonly (readonly [byte: number, value: number])[] = [
  [0x00, 0],
  [0x80, -0],
  [0x01, 2 ** -9],
  [0x07, 7 * 2 ** -9],
  [0x08, 2 ** -6],
  [0x38, 1],
  [0xbc, -1.5],
  [0x7e, 448],
  [0xfe, -448],
  [0x7f, NaN],
  [0xff, NaN],
];

function decode(bytes: readonly number[], first: number, scales: Parameters<typeof fp8ToFloat32>[2]): number[] {
  return [...new Float32Array(fp8ToFloat32(Buffer.from(bytes), first, scales).buffer)];
}

describe('FP8 with block scales', () => {
  it('reads every kind of value', () => {
    const scales = { values: Float32Array.of(1), block: [128, 128] as const, columns: E4M3.length };
    expect(
      decode(
        E4M3.map(([byte]) => byte),
        0,
        scales,
      ),
    ).toEqual(E4M3.map(([, value]) => value));
  });

  it('finds the scale of each element, wherever a piece begins and ends', () => {
    // 5 × 7 in blocks of 2 × 3: three rows of three blocks, cut off at the right and at the bottom.
    const scales = { values: Float32Array.from({ length: 9 }, (_, i) => 10 ** i), block: [2, 3] as const, columns: 7 };
    const expected = Array.from({ length: 35 }, (_, i) => {
      return Math.fround(10 ** (3 * Math.floor(Math.floor(i / 7) / 2) + Math.floor((i % 7) / 3)));
    });
    for (let from = 0; from < 35; from++) {
      for (let to = from + 1; to <= 35; to++) {
        const ones = Array.from({ length: to - from }, () => 0x38);
        expect(decode(ones, from, scales)).toEqual(expected.slice(from, to));
      }
    }
  });
});
