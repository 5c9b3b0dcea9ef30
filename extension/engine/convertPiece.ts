/** Reads, converts and writes pieces of a plan, one after the other, without waiting for anything but the disk. */
import * as l10n from '@vscode/l10n';
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { unreadable } from '../formats/safetensors.ts';
import { MXFP4_BYTES, type WeightSource } from '../models/weights.ts';
import { UserError } from '../protocol/errors.ts';
import { elementsPerByte, type BlockRanges, type Piece, type SourcePart } from './pieces.ts';
import { quantizeRows, Room, TransposedQuantizer, type QuantizedMatrix } from './quantize.ts';
import { fp8ToFloat32, mxfp4ToFloat32, toFloat32, type Fp8Scales } from './toFloat32.ts';

/** Files of a checkpoint that are open at a time. */
const MAX_OPEN_FILES = 4;

/** Memory is bounded by a slice in its forms, and one matrix in blocks where a checkpoint has it transposed. */
export class PieceConverter {
  readonly #target: number;
  readonly #files = new Map<string, number>();
  readonly #room = new Room();
  #bytes = Buffer.alloc(0);
  #floats = new Float32Array(0);
  #scales: { readonly source: WeightSource; readonly scales: Fp8Scales; readonly raw: Buffer } | undefined;

  /** @param path the weight file, which is there already */
  constructor(path: string) {
    this.#target = openSync(path, 'r+');
  }

  /**
   * Writes a piece to its place. Returns a hash of what the weight is: of the blocks that it became, or of the elements that
   * float32 was made of, which are no more.
   *
   * @throws UserError `weights-invalid` when a file of the checkpoint ends early, cannot be read, or a matrix cannot be quantized
   */
  convert({ from, to }: Piece): string {
    const hash = createHash('sha256');
    switch (to.kind) {
      case 'float32': {
        let { offset } = to;
        for (const floats of this.#slices(from, hash)) {
          this.#write(floats, offset);
          offset += floats.byteLength;
        }
        break;
      }
      case 'rows': {
        const at = { ...to.at };
        for (const floats of this.#slices(from)) {
          const rows = quantizeRows(floats, to.inputs, to.format, this.#room) ?? notFinite(from);
          this.#writeBlocks(rows, at, hash);
          at.values += rows.values.byteLength;
          at.scales += rows.scales.byteLength;
        }
        break;
      }
      case 'transposed': {
        const quantizer = new TransposedQuantizer(to.size, to.format);
        for (const floats of this.#slices(from)) if (!quantizer.add(floats)) notFinite(from);
        this.#writeBlocks(quantizer.matrix, to.at, hash);
        break;
      }
    }
    return hash.digest('hex');
  }

  close(): void {
    for (const file of [this.#target, ...this.#files.values()]) closeSync(file);
  }

  /** Yields the elements of each slice; good until the next is asked for. */
  *#slices(parts: readonly SourcePart[], hash?: Hash): Generator<Float32Array, void> {
    for (const { source, at: begin, bytes: length, slice } of parts) {
      const { entry, offset } = source;
      const factors = this.#factors(source);
      if (factors) hash?.update(factors.raw);
      const density = elementsPerByte(source);
      for (let at = begin; at < begin + length; at += slice) {
        const count = Math.min(slice, begin + length - at);
        if (this.#bytes.length < count) this.#bytes = Buffer.allocUnsafeSlow(count);
        const bytes = this.#read(this.#bytes.subarray(0, count), entry.file, offset + at);
        hash?.update(bytes);
        if (this.#floats.length < count * density) this.#floats = new Float32Array(count * density);
        const target = this.#floats.subarray(0, count * density);
        if (factors) yield fp8ToFloat32(bytes, offset + at - entry.offset, factors.scales, target);
        else if (source.exponents) {
          const exponents = this.#exponents(source.exponents, at, count);
          hash?.update(exponents);
          yield mxfp4ToFloat32(bytes, exponents, target);
        } else yield toFloat32(bytes, entry.dtype, target);
      }
    }
  }

  /** The scales of an FP8 matrix, kept for its next piece; with blocks of 128 × 128 they take a 4,096th of its bytes. */
  #factors(source: WeightSource): { readonly scales: Fp8Scales; readonly raw: Buffer } | undefined {
    if (!source.scales) return undefined;
    const { entry, block } = source.scales;
    const known = this.#scales?.source.scales?.entry;
    if (known?.name !== entry.name || known.file !== entry.file) {
      const raw = this.#read(Buffer.allocUnsafeSlow(entry.bytes), entry.file, entry.offset);
      const scales = { values: toFloat32(raw, entry.dtype), block, columns: source.entry.shape[1]! };
      this.#scales = { source, scales, raw };
    }
    return this.#scales;
  }

  /** The exponents of a slice of an MXFP4 tensor, a 16th of its bytes. */
  #exponents({ entry, offset }: NonNullable<WeightSource['exponents']>, at: number, bytes: number): Buffer {
    return this.#read(Buffer.allocUnsafe(bytes / MXFP4_BYTES), entry.file, offset + at / MXFP4_BYTES);
  }

  #read(into: Buffer, path: string, position: number): Buffer {
    for (let done = 0; done < into.length;) {
      const read = this.#readSome(into.subarray(done), path, position + done);
      if (read === 0) throw new UserError('weights-invalid', l10n.t`${path} ended while it was read.`);
      done += read;
    }
    return into;
  }

  #readSome(into: Buffer, path: string, position: number): number {
    try {
      return readSync(this.#file(path), into, 0, into.length, position);
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  #file(path: string): number {
    let file = this.#files.get(path);
    if (file !== undefined) return file;
    // Pieces come in the order of the plan: the file that was opened first is done with.
    const [oldest] = this.#files;
    if (oldest && this.#files.size === MAX_OPEN_FILES) {
      closeSync(oldest[1]);
      this.#files.delete(oldest[0]);
    }
    this.#files.set(path, (file = openSync(path, 'r')));
    return file;
  }

  #writeBlocks({ values, scales }: QuantizedMatrix, at: BlockRanges, hash: Hash): void {
    hash.update(values);
    hash.update(scales);
    this.#write(values, at.values);
    this.#write(scales, at.scales);
  }

  #write({ buffer, byteOffset, byteLength }: Uint8Array | Float32Array, position: number): void {
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    // A full disk may take some of it before it takes none.
    for (let done = 0; done < byteLength;) {
      done += writeSync(this.#target, bytes, done, byteLength - done, position + done);
    }
  }
}

function notFinite(parts: readonly SourcePart[]): never {
  throw new UserError(
    'weights-invalid',
    l10n.t`The tensor ${parts[0]!.source.entry.name} has elements that are infinite or not numbers, which int8 and int4 cannot hold.`,
  );
}
