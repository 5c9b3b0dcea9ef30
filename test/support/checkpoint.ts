import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FIXTURES } from './reference.ts';

/** A copy of a fixture's checkpoint, to be damaged. */
export class ScratchCheckpoint {
  readonly folder: string;

  constructor(fixture = 'mixtral') {
    this.folder = mkdtempSync(join(tmpdir(), 'moescope-checkpoint-'));
    cpSync(join(FIXTURES, 'checkpoints', fixture), this.folder, { recursive: true });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  remove(name: string): this {
    rmSync(this.path(name));
    return this;
  }

  write(name: string, data: string | Uint8Array): this {
    writeFileSync(this.path(name), data);
    return this;
  }

  /** Sets keys of config.json; undefined removes one. */
  config(changes: Readonly<Record<string, unknown>>): this {
    const config = JSON.parse(readFileSync(this.path('config.json'), 'utf8')) as Record<string, unknown>;
    return this.write('config.json', JSON.stringify({ ...config, ...changes }));
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

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
