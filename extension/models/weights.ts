/**
 * Which of a checkpoint's tensors a graph reads, and how they lie in the weight file that the engine writes from them.
 * The plan is made from shapes alone; the bytes are moved later.
 */
import type { TensorEntry } from '../formats/safetensors.ts';
import { UserError } from '../protocol/errors.ts';

/** A tensor that a model needs: its name in the checkpoint and the shape that the config implies. */
export interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
}

/** One initializer of the graph: tensors whose rows follow one another. */
export interface PlannedWeight {
  readonly name: string;
  readonly shape: readonly number[];
  /** Position in the weight file, in bytes. */
  readonly offset: number;
  readonly bytes: number;
  readonly sources: readonly TensorEntry[];
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
    const name = tensors.map((t) => t.name).join('+');
    const known = this.#weights.get(name);
    if (known) return known;
    const sources = tensors.map((tensor) => this.#source(tensor));
    const rows = tensors.reduce((sum, t) => sum + t.shape[0]!, 0);
    const shape = [rows, ...tensors[0]!.shape.slice(1)];
    const bytes = shape.reduce((product, n) => product * n, FLOAT32_BYTES);
    const weight = { name, shape, offset: this.#bytes, bytes, sources };
    this.#bytes += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    this.#weights.set(name, weight);
    return weight;
  }

  #source({ name: tensor, shape }: TensorSpec): TensorEntry {
    const entry = this.#tensors.get(tensor);
    if (!entry) throw new UserError('weights-invalid', `The checkpoint lacks the tensor ${tensor}.`);
    if (entry.shape.length !== shape.length || entry.shape.some((n, i) => n !== shape[i])) {
      throw new UserError(
        'weights-invalid',
        `The tensor ${tensor} has the shape [${entry.shape.join(', ')}], but config.json implies [${shape.join(', ')}].`,
      );
    }
    if (!LOSSLESS_TO_FLOAT32.has(entry.dtype)) {
      throw new UserError(
        'weights-invalid',
        `The tensor ${tensor} is stored as ${entry.dtype}, which is not supported yet.`,
      );
    }
    this.#used.add(tensor);
    return entry;
  }
}
