import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensorsHeader } from '../../extension/formats/safetensors.ts';

export const ROOT = join(import.meta.dirname, '../..');
export const FIXTURES = join(ROOT, 'test/fixtures');

/** What the reference implementation computed, by the names that test/fixtures/README.md explains. */
export class Reference {
  readonly #tensors: ReadonlyMap<string, Column>;
  readonly inputs: readonly string[];

  private constructor(tensors: ReadonlyMap<string, Column>, inputs: readonly string[]) {
    this.#tensors = tensors;
    this.inputs = inputs;
  }

  /** Reads <path>.safetensors and <path>.json. */
  static async read(path: string): Promise<Reference> {
    const bytes = await readFile(`${path}.safetensors`);
    const tensors = new Map<string, Column>();
    for (const { name, dtype, shape, offset, bytes: length } of await readSafetensorsHeader(`${path}.safetensors`)) {
      const raw = bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + offset + length);
      const data =
        dtype === 'F32'
          ? new Float32Array(raw)
          : dtype === 'I32'
            ? new Int32Array(raw)
            : Float64Array.from(new BigInt64Array(raw), Number);
      tensors.set(name, { shape, data });
    }
    const { inputs } = JSON.parse(await readFile(`${path}.json`, 'utf8')) as { inputs: string[] };
    return new Reference(tensors, inputs);
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** Keys of the MoE layers of an input, in their order: an encoder's, e0…, before its decoder's, d0…. */
  layersOf(input: number): string[] {
    const prefix = `topk_index.${input}.`;
    const keys = [...this.#tensors.keys()].filter((name) => name.startsWith(prefix));
    const place = (key: string): number => (key.startsWith('d') ? 1e6 : 0) + Number(/\d+/.exec(key)![0]);
    return keys.map((name) => name.slice(prefix.length)).sort((a, b) => place(a) - place(b));
  }

  get(name: string): Column {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw new Error(`the reference has no ${name}`);
    return tensor;
  }
}

interface Column {
  readonly shape: readonly number[];
  readonly data: Numbers;
}

export type Numbers = Float32Array | Int32Array | Float64Array;
