/** No file, however damaged, does more than raise a sentence. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensorsHeader, type TensorEntry } from '../../extension/formats/safetensors.ts';
import { isUserError } from '../../extension/protocol/errors.ts';
import { FIXTURES } from '../support/reference.ts';

const REAL = join(FIXTURES, 'checkpoints/mixtral/model.safetensors');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moescope-safetensors-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

type Header = Readonly<Record<string, readonly [dtype: string, shape: readonly number[], begin: number, end: number]>>;

/** Reads a file of such tensors, with so many bytes behind the header. */
function read(header: Header, size: number): Promise<TensorEntry[]> {
  const entries = Object.entries(header).map(([name, [dtype, shape, ...place]]) => {
    return [name, { dtype, shape, data_offsets: place }] as const;
  });
  const text = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(text.length));
  const path = join(folder, 'written.safetensors');
  writeFileSync(path, Buffer.concat([prefix, text, Buffer.alloc(size)]));
  return readSafetensorsHeader(path);
}

describe('readSafetensorsHeader', () => {
  it('lists every tensor inside the file', async () => {
    const entries = await readSafetensorsHeader(REAL);
    const { length } = readFileSync(REAL);
    // 4 layers × (2 norms, 4 projections, router, 8 experts × 3), embedding, head, last norm.
    expect(entries).toHaveLength(4 * (2 + 4 + 1 + 24) + 3);
    expect(entries.find((e) => e.name === 'model.layers.0.block_sparse_moe.gate.weight')).toMatchObject({
      dtype: 'BF16',
      shape: [8, 64],
      bytes: 1024,
    });
    for (const { offset, bytes } of entries) expect(offset + bytes).toBeLessThanOrEqual(length);
  });

  it('knows no type by the name of an inherited property', async () => {
    await expect(read({ x: ['constructor', [], 0, 0] }, 0)).rejects.toThrow(/"x" has the unknown type "constructor"/);
  });

  // Bits of an element by the reference implementation's Dtype::bitsize; what does not fill its last byte it refuses.
  it.each([
    ['F4', [3, 4], 6],
    ['F6_E2M3', [2, 2], 3],
    ['F6_E3M2', [4], 3],
    ['F8_E4M3FNUZ', [3], 3],
    ['F8_E5M2FNUZ', [3], 3],
    ['C64', [3], 24],
  ])('lists tensors of type %s', async (dtype, shape, bytes) => {
    expect(await read({ x: [dtype, shape, 0, bytes] }, bytes)).toMatchObject([{ name: 'x', dtype, shape, bytes }]);
  });
  it('refuses half a byte', async () => {
    await expect(read({ x: ['F4', [3], 0, 2] }, 2)).rejects.toThrow(
      /"x" claims 2 bytes, but its shape \[3\] takes 1\.5/,
    );
  });

  // As the reference implementation does: InvalidOffset and MetadataIncompleteBuffer.
  it.each<[string, Header, number, RegExp]>([
    ['two tensors in one place', { a: ['U8', [4], 0, 4], b: ['U8', [4], 0, 4] }, 4, /"b" begins at byte 0 .* byte 4/],
    ['tensors that overlap', { b: ['U8', [4], 2, 6], a: ['U8', [4], 0, 4] }, 6, /"b" begins at byte 2 .* byte 4/],
    ['a hole between tensors', { a: ['U8', [4], 0, 4], b: ['U8', [4], 5, 9] }, 9, /"b" begins at byte 5 .* byte 4/],
    ['a hole before the first', { a: ['U8', [4], 1, 5] }, 5, /"a" begins at byte 1 .* byte 0/],
    ['an empty tensor within another', { a: ['U8', [4], 0, 4], b: ['U8', [0], 2, 2] }, 4, /"b" begins at byte 2/],
    ['bytes after the last', { a: ['U8', [4], 0, 4] }, 7, /it has 3 bytes after its last tensor/],
  ])('refuses %s', async (_, header, size, message) => {
    await expect(read(header, size)).rejects.toThrow(message);
  });
  it('takes tensors in any order, empty ones too', async () => {
    const header: Header = {
      d: ['F32', [0, 5], 6, 6],
      c: ['U8', [2], 4, 6],
      b: ['U8', [0], 0, 0],
      a: ['U8', [4], 0, 4],
    };
    expect((await read(header, 6)).map(({ name, bytes }) => [name, bytes])).toEqual([
      ['d', 0],
      ['c', 2],
      ['b', 0],
      ['a', 4],
    ]);
  });

  it('survives damage anywhere in length, header and size', async () => {
    // The data does not matter to the header: a small tail keeps the cases quick.
    const header = readFileSync(REAL).subarray(0, 30_000);
    const path = join(folder, 'damaged.safetensors');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(header.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.nat(header.length),
        async (changes, length) => {
          const bytes = Buffer.from(header.subarray(0, length));
          for (const [at, value] of changes) if (at < length) bytes[at] = value;
          writeFileSync(path, bytes);
          try {
            await readSafetensorsHeader(path);
          } catch (error) {
            expect(isUserError(error)).toBe(true);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
