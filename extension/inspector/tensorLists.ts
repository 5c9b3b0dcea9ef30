import { basename } from 'node:path';
import { readCheckpoint } from '../formats/checkpoint.ts';
import type { TensorEntry } from '../formats/safetensors.ts';
import type { TensorQuery, TensorRows } from '../protocol/model.ts';
import { folderOf } from './inspect.ts';

/** Rows of one answer at most. */
const MAX_ROWS = 1000;

/** Tensors of the checkpoint asked for last, by name: someone who types a search asks again and again. */
export class TensorLists {
  #last: { readonly folder: string; readonly entries: Promise<readonly TensorEntry[]> } | undefined;

  /** Throws UserError as readCheckpoint does. */
  async find({ folder, search, from, count }: TensorQuery): Promise<TensorRows> {
    if (this.#last?.folder !== folder || (from === 0 && search === '')) {
      this.#last = { folder, entries: readEntries(folder) };
    }
    const words = search.toLowerCase().split(/\s+/);
    const matching = (await this.#last.entries).filter(({ name, dtype }) => {
      const text = `${name} ${dtype}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    const rows = matching.slice(from, from + Math.min(count, MAX_ROWS));
    return {
      matching: matching.length,
      rows: rows.map(({ name, dtype, shape, bytes, file }) => ({ name, dtype, shape, bytes, file: basename(file) })),
    };
  }
}

async function readEntries(folder: string): Promise<readonly TensorEntry[]> {
  const { tensors } = await readCheckpoint(await folderOf(folder));
  // Layers in the order of their numbers, not of the digits' letters.
  const { compare } = new Intl.Collator('en', { numeric: true });
  return [...tensors.values()].sort((a, b) => compare(a.name, b.name));
}
