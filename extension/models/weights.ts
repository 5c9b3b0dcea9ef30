/**
 * Which of a checkpoint's tensors a graph reads, and how they lie in the weight file that the engine writes from them.
 * The plan is made from shapes alone; the bytes are moved later.
 */
import type { TensorEntry } from '../formats/safetensors.ts';
import { UserError } from '../protocol/errors.ts';

/** A tensor that a model needs. */
export interface TensorSpec {
  /** Name in the checkpoint. */
  readonly name: string;
  /** The shape that the config implies. */
  readonly shape: readonly number[];
  /** For a part of a larger tensor: the whole's shape, and the index of the part's first element in it. */
  readonly within?: { readonly shape: readonly number[]; readonly start: number };
}

/** Part `index` of a tensor that stacks `count` equal ones along its first axis. */
export function slice(name: string, count: number, index: number, shape: readonly number[]): TensorSpec {
  return { name, shape, within: { shape: [count, ...shape], start: index * elements(shape) } };
}

/** Rows [from, from + shape[0]) of a matrix with so many rows. */
export function rows(name: string, allRows: number, from: number, shape: readonly [number, number]): TensorSpec {
  return { name, shape, within: { shape: [allRows, shape[1]], start: from * shape[1] } };
}

/** Bytes of a file that become part of a weight. */
export interface WeightSource {
  readonly entry: TensorEntry;
  /** Position in the entry's file, in bytes. */
  readonly offset: number;
  readonly bytes: number;
}

/** One initializer of the graph: tensors whose rows follow one another. */
export interface PlannedWeight {
  readonly name: string;
  readonly shape: readonly number[];
  /** Position in the weight file, in bytes. */
  readonly offset: number;
  readonly bytes: number;
  readonly sources: readonly WeightSource[];
}

/** ORT reads weights with vector instructions; a cache line's alignment costs nothing. */
const ALIGNMENT = 64;
const FLOAT32_BYTES = 4;

/** Element types that become float32 without loss. */
const LOSSLESS_TO_FLOAT32 = new Set(['F32', 'BF16', 'F16']);

/** Collects a graph's weights and checks each against the checkpoint: present, of the shape that the config implies. */
export class WeightPlan {
  readonly #tensors: ReadonlyMap<string, TensorEntry>;
  readonly #weights = new Map<string, PlannedWeight>();
  readonly #used = new Set<string>();
  #bytes = 0;

  constructor(tensors: ReadonlyMap<string, TensorEntry>) {
    this.#tensors = tensors;
  }

  /** Float32 weights in the order in which they lie in the file. */
  get weights(): readonly PlannedWeight[] {
    return [...this.#weights.values()];
  }

  /** Size of the weight file. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Tensors of the checkpoint that nothing has asked for. */
  get unused(): string[] {
    return [...this.#tensors.keys()].filter((name) => !this.#used.has(name));
  }

  /**
   * Plans tensors as one weight, stacked along their first axis; asking again for the same ones gives the same weight.
   *
   * @throws UserError `weights-invalid` naming the tensor that is missing, misshapen or of a type that is not handled
   */
  take(...tensors: readonly TensorSpec[]): PlannedWeight {
    const name = tensors.map((t) => (t.within ? `${t.name}@${t.within.start}` : t.name)).join('+');
    const known = this.#weights.get(name);
    if (known) return known;
    const sources = tensors.map((tensor) => this.#source(tensor));
    const firstAxis = tensors.reduce((sum, t) => sum + t.shape[0]!, 0);
    const shape = [firstAxis, ...tensors[0]!.shape.slice(1)];
    const bytes = elements(shape) * FLOAT32_BYTES;
    const weight = { name, shape, offset: this.#bytes, bytes, sources };
    this.#bytes += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    this.#weights.set(name, weight);
    return weight;
  }

  #source({ name, shape, within }: TensorSpec): WeightSource {
    const entry = this.#tensors.get(name);
    if (!entry) throw new UserError('weights-invalid', `The checkpoint lacks the tensor ${name}.`);
    const wanted = within?.shape ?? shape;
    if (entry.shape.length !== wanted.length || entry.shape.some((n, i) => n !== wanted[i])) {
      throw new UserError(
        'weights-invalid',
        `The tensor ${name} has the shape [${entry.shape.join(', ')}], but config.json implies [${wanted.join(', ')}].`,
      );
    }
    if (!LOSSLESS_TO_FLOAT32.has(entry.dtype)) {
      throw new UserError(
        'weights-invalid',
        `The tensor ${name} is stored as ${entry.dtype}, which is not supported yet.`,
      );
    }
    this.#used.add(name);
    const elementBytes = entry.bytes / elements(entry.shape);
    return {
      entry,
      offset: entry.offset + (within?.start ?? 0) * elementBytes,
      bytes: elements(shape) * elementBytes,
    };
  }
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}
