import { appendFileSync, readFileSync } from 'node:fs';
import { elements } from '../../extension/models/weights.ts';
import { ScratchFolder } from './scratch.ts';

/** A copy of a fixture's checkpoint, to be damaged. */
export class ScratchCheckpoint extends ScratchFolder {
  constructor(fixture = 'mixtral') {
    super(`checkpoints/${fixture}`);
  }

  /** Sets keys of config.json; undefined removes one. */
  config(changes: Readonly<Record<string, unknown>>): this {
    const config = JSON.parse(readFileSync(this.path('config.json'), 'utf8')) as Record<string, unknown>;
    return this.write('config.json', JSON.stringify({ ...config, ...changes }));
  }

  /** Adds tensors of BF16 zeros to model.safetensors, by name. */
  add(tensors: Readonly<Record<string, readonly number[]>>): this {
    const size = Object.values(tensors).reduce((sum, shape) => sum + 2 * elements(shape), 0);
    this.header((header) => {
      const entries = Object.entries(header).filter(([name]) => name !== '__metadata__');
      let end = Math.max(...entries.map(([, { data_offsets: offsets }]) => offsets[1]!));
      for (const [name, shape] of Object.entries(tensors)) {
        const begin = end;
        end += 2 * elements(shape);
        header[name] = { dtype: 'BF16', shape: [...shape], data_offsets: [begin, end] };
      }
    });
    appendFileSync(this.path('model.safetensors'), Buffer.alloc(size));
    return this;
  }

  /** Sets the first element of a BF16 tensor, to what its upper half holds. */
  element(tensor: string, value: number): this {
    const bytes = readFileSync(this.path('model.safetensors'));
    const length = Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<
      string,
      { data_offsets: [number, number] }
    >;
    const upper = new Uint16Array(Float32Array.of(value).buffer)[1]!;
    bytes.writeUInt16LE(upper, 8 + length + header[tensor]!.data_offsets[0]);
    return this.write('model.safetensors', bytes);
  }

  /** Rewrites the header of model.safetensors, leaving the tensors' bytes as they are. */
  header(change: (header: Record<string, { dtype: string; shape: number[]; data_offsets: number[] }>) => void): this {
    const bytes = readFileSync(this.path('model.safetensors'));
    const length = Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Parameters<typeof change>[0];
    change(header);
    const text = Buffer.from(JSON.stringify(header));
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(text.length));
    return this.write('model.safetensors', Buffer.concat([prefix, text, bytes.subarray(8 + length)]));
  }
}
