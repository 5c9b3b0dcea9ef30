/**
 * Which of a checkpoint's tensors a graph reads, and how they lie in the weight file that the engine writes from them.
 * The plan is made from shapes alone; the bytes are moved later.
 */
import * as l10n from '@vscode/l10n';
import type { TensorEntry } from '../formats/safetensors.ts';
import { UserError } from '../protocol/errors.ts';
import { blockShapes, type BlockFormat, type BlockShapes, type MatrixSize } from './quantization.ts';

/** A tensor that a model needs. */
export interface TensorSpec {
  /** Name in the checkpoint. */
  readonly name: string;
  /** The shape that the config implies. */
  readonly shape: readonly number[];
  /** For a part of a larger tensor: the whole's shape, and where the part lies in it. */
  readonly within?: {
    readonly shape: readonly number[];
    /** Index of the part's first element. */
    readonly start: number;
    /** Elements from one run of entries of the part's first axis to the next; absent when all follow one another. */
    readonly stride?: number;
    /** Entries that follow one another in a run; one unless given. */
    readonly run?: number;
  };
  /** Stored as MXFP4, two elements a byte, as a part of `within`; the name is of the tensor of scales, one for 32 elements. */
  readonly mxfp4?: string;
  /** What to read where the checkpoint lacks a tensor of that name: some are stored in one of two ways. */
  readonly or?: TensorSpec;
}

/** Names of a checkpoint's tensors, for families whose checkpoints have one of two prefixes, which the config does not tell apart. */
export type TensorNames = Pick<ReadonlySet<string>, 'has'>;

/** Part `index` of a tensor that stacks `count` equal ones along its first axis. */
export function slice(name: string, count: number, index: number, shape: readonly number[]): TensorSpec {
  return { name, shape, within: { shape: [count, ...shape], start: index * elements(shape) } };
}

/** Matrix `index` of a stack of `count`, stored as MXFP4: <name>_blocks and <name>_scales, [count, rows, columns / 32, …]. */
export function mxfp4Slice(
  name: string,
  count: number,
  index: number,
  [height, width]: readonly [number, number],
): TensorSpec {
  return {
    name: `${name}_blocks`,
    shape: [height, width],
    within: { shape: [count, height, width / 32, MXFP4_BYTES], start: (index * height * width) / 2 },
    mxfp4: `${name}_scales`,
  };
}

/** Rows [from, from + shape[0]) of a matrix with so many rows. */
export function rows(name: string, allRows: number, from: number, shape: readonly [number, number]): TensorSpec {
  return { name, shape, within: { shape: [allRows, shape[1]], start: from * shape[1] } };
}

/** Of every `period` entries of a tensor's first axis, the `run` from `from` on; `columns` is the shape of an entry. */
export function bands(
  name: string,
  {
    all,
    from,
    run,
    period,
  }: { readonly all: number; readonly from: number; readonly run: number; readonly period: number },
  columns: readonly number[],
): TensorSpec {
  const width = elements(columns);
  return {
    name,
    shape: [(all / period) * run, ...columns],
    within: { shape: [all, ...columns], start: from * width, stride: period * width, run },
  };
}

/** Bytes of a file that become part of a weight. */
export interface WeightSource {
  readonly entry: TensorEntry;
  /** Position in the entry's file, in bytes. */
  readonly offset: number;
  readonly bytes: number;
  readonly scales?: BlockScales;
  /** For MXFP4: where the exponents lie, one byte for every 16 of the source's. */
  readonly exponents?: { readonly entry: TensorEntry; readonly offset: number };
}

/** An FP8 matrix stands for its elements times a factor for each block of them. */
export interface BlockScales {
  /** [⌈rows/block rows⌉, ⌈columns/block columns⌉]. */
  readonly entry: TensorEntry;
  /** Rows and columns of a block; those at the edges may be smaller. */
  readonly block: BlockShape;
}

export type BlockShape = readonly [rows: number, columns: number];

/** One initializer of the graph: tensors whose rows follow one another. */
export interface PlannedWeight {
  readonly name: string;
  readonly shape: readonly number[];
  /** Of a matrix W in x · Wᵀ, which can be held in fewer bits; transposed if the tensors have it as [inputs, outputs]. */
  readonly projection?: MatrixSize & { readonly transposed: boolean };
  /** How it lies in the weight file, if not as float32. */
  readonly blocks?: PlannedBlocks;
  /** Position in the weight file, in bytes. */
  readonly offset: number;
  readonly bytes: number;
  readonly sources: readonly WeightSource[];
}

/** A matrix in blocks: where its parts lie in the weight file, in bytes. */
export interface PlannedBlocks {
  readonly format: BlockFormat;
  readonly shapes: BlockShapes;
  readonly values: FileRange;
  readonly scales: FileRange;
}

export interface FileRange {
  readonly offset: number;
  readonly bytes: number;
}

/** ORT reads weights with vector instructions; a cache line's alignment costs nothing. */
const ALIGNMENT = 64;
const FLOAT32_BYTES = 4;

/** Bytes of the 32 elements of MXFP4 that share an exponent. */
export const MXFP4_BYTES = 16;

/** Element types that become float32 without loss. */
const LOSSLESS_TO_FLOAT32 = new Set(['F32', 'BF16', 'F16']);

/** How matrices are held, in the checkpoint and in the weight file. */
export interface StorageOptions {
  /** What shares a scale in FP8 matrices, where the checkpoint has some. */
  readonly fp8Block?: BlockShape;
  /** What projections become; float32 unless given. */
  readonly blocks?: BlockFormat;
}

/** Collects a graph's weights and checks each against the checkpoint: present, of the shape that the config implies. */
export class WeightPlan {
  readonly #tensors: ReadonlyMap<string, TensorEntry>;
  readonly #storage: StorageOptions;
  readonly #weights = new Map<string, PlannedWeight>();
  #bytes = 0;

  constructor(tensors: ReadonlyMap<string, TensorEntry>, storage: StorageOptions) {
    this.#tensors = tensors;
    this.#storage = storage;
  }

  /** In the order in which they lie in the file. */
  get weights(): readonly PlannedWeight[] {
    return [...this.#weights.values()];
  }

  /** Size of the weight file. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Plans tensors as one float32 weight, stacked along their first axis; asking again for the same ones gives the same weight.
   *
   * @throws UserError `weights-invalid` naming the tensor that is missing, misshapen or of a type that is not handled
   */
  take(...wanted: readonly TensorSpec[]): PlannedWeight {
    return this.#planned(this.#present(wanted), undefined);
  }

  /**
   * The same for the matrix of a projection, [outputs, inputs] or, transposed, [inputs, outputs], in the form that the plan is
   * for. One that is there as float32 already, as embeddings that are the head, too, is not stored twice.
   */
  takeProjection(wanted: readonly TensorSpec[], transposed: boolean): PlannedWeight {
    return this.#planned(this.#present(wanted), transposed);
  }

  /** The tensors themselves, or what stands in for them. */
  #present(wanted: readonly TensorSpec[]): TensorSpec[] {
    return wanted.map((t) => (t.or && !this.#tensors.has(t.name) && this.#tensors.has(t.or.name) ? t.or : t));
  }

  #planned(tensors: readonly TensorSpec[], transposed: boolean | undefined): PlannedWeight {
    const exact = tensors.map(nameOf).join('+');
    const format = transposed === undefined ? undefined : this.#storage.blocks;
    const name = format ? `${exact}:int${format.bits}` : exact;
    const known = this.#weights.get(exact) ?? this.#weights.get(name);
    if (known) return known;
    const sources = tensors.flatMap((tensor) => this.#sources(tensor));
    const shape = [tensors.reduce((sum, t) => sum + t.shape[0]!, 0), ...tensors[0]!.shape.slice(1)];
    const offset = this.#bytes;
    const described = { name, shape, offset, sources };
    let weight: PlannedWeight;
    if (transposed === undefined) {
      weight = { ...described, bytes: this.#claim(elements(shape) * FLOAT32_BYTES).bytes };
    } else {
      const [outputs, inputs] = (transposed ? shape.toReversed() : shape) as [number, number];
      const projection = { outputs, inputs, transposed };
      const blocks = format && this.#claimBlocks(projection, format);
      const bytes = blocks ? this.#bytes - offset : this.#claim(elements(shape) * FLOAT32_BYTES).bytes;
      weight = { ...described, projection, ...(blocks ? { blocks } : {}), bytes };
    }
    this.#weights.set(name, weight);
    return weight;
  }

  /** The next so many bytes of the file. */
  #claim(bytes: number): FileRange {
    const range = { offset: this.#bytes, bytes };
    this.#bytes += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    return range;
  }

  #claimBlocks(size: MatrixSize, format: BlockFormat): PlannedBlocks {
    const shapes = blockShapes(size, format);
    return {
      format,
      shapes,
      values: this.#claim(elements(shapes.values)),
      scales: this.#claim(elements(shapes.scales) * FLOAT32_BYTES),
    };
  }

  #sources({ name, shape, within, mxfp4 }: TensorSpec): WeightSource[] {
    const entry = this.#entry(name, within?.shape ?? shape);
    if (mxfp4 !== undefined) {
      const exponents = this.#entry(mxfp4, entry.shape.slice(0, -1));
      for (const part of [entry, exponents]) if (part.dtype !== 'U8') unsupported(part);
      const start = within?.start ?? 0;
      return [
        {
          entry,
          offset: entry.offset + start,
          bytes: elements(shape) / 2,
          exponents: { entry: exponents, offset: exponents.offset + start / MXFP4_BYTES },
        },
      ];
    }
    const elementBytes = entry.bytes / elements(entry.shape);
    const { start, stride } = { start: 0, ...within };
    const pieces = stride === undefined ? 1 : shape[0]! / (within?.run ?? 1);
    const bytes = (elements(shape) / pieces) * elementBytes;
    const scales = this.#scales(entry);
    return Array.from({ length: pieces }, (_, i) => {
      const offset = entry.offset + (start + i * (stride ?? 0)) * elementBytes;
      return { entry, offset, bytes, ...(scales ? { scales } : {}) };
    });
  }

  /** What it takes beside a tensor to read it; undefined for one that stands for itself. */
  #scales(entry: TensorEntry): BlockScales | undefined {
    if (LOSSLESS_TO_FLOAT32.has(entry.dtype)) return undefined;
    const block = this.#storage.fp8Block;
    if (entry.dtype !== 'F8_E4M3' || !block || entry.shape.length !== 2) return unsupported(entry);
    // The name is DeepSeek's: inverse, seen from the division that made the FP8 values.
    const scales = this.#entry(
      `${entry.name}_scale_inv`,
      entry.shape.map((n, i) => Math.ceil(n / block[i]!)),
    );
    return LOSSLESS_TO_FLOAT32.has(scales.dtype) ? { entry: scales, block } : unsupported(scales);
  }

  /** The tensor of that name, which has to have that shape. */
  #entry(name: string, shape: readonly number[]): TensorEntry {
    const entry = this.#tensors.get(name);
    if (!entry) throw new UserError('weights-invalid', l10n.t`The checkpoint lacks the tensor ${name}.`);
    if (entry.shape.length !== shape.length || entry.shape.some((n, i) => n !== shape[i])) {
      throw new UserError(
        'weights-invalid',
        l10n.t`The tensor ${name} has the shape [${entry.shape.join(', ')}], but config.json implies [${shape.join(', ')}].`,
      );
    }
    return entry;
  }
}

/** A tensor's name, and which part of it. */
function nameOf({ name, shape, within }: TensorSpec): string {
  return within ? `${name}@${within.start}/${within.stride ?? ''}:${shape.join()}` : name;
}

function unsupported({ name, dtype }: TensorEntry): never {
  throw new UserError('weights-invalid', l10n.t`The tensor ${name} is stored as ${dtype}, which is not supported yet.`);
}

export function elements(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}
