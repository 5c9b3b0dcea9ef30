import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FIXTURES } from './reference.ts';

/** What Git has in place of a file whose content Git LFS did not fetch. */
const LFS_POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'4d'.repeat(32)}\nsize 13812345678\n`;

/** A copy of a folder of the fixtures, to be changed. */
export class ScratchFolder {
  readonly folder: string;

  /** @param fixture path in the folder of the fixtures */
  constructor(fixture: string) {
    this.folder = mkdtempSync(join(tmpdir(), 'moescope-scratch-'));
    cpSync(join(FIXTURES, fixture), this.folder, { recursive: true });
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

  /** Makes a file what a clone without Git LFS has of it. */
  point(name: string): this {
    return this.write(name, LFS_POINTER);
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
