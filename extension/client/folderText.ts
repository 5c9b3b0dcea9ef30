/** What of a folder's files is text that can be routed. */
import type { Skip } from './folderRun.ts';
import type { FolderTree } from './folderTree.ts';

/** Files above this are data, whatever they are called. */
const LARGEST_FILE = 16_000_000;
/** A file with a zero in its beginning is binary, as git has it. */
const LOOKED_AT = 8_000;
/** UTF-8 takes so many bytes for a UTF-16 unit, at most. */
const BYTES_A_UNIT = 3;

/** What changes when a file is written to; empty where that cannot be told. */
export async function stampOf(tree: FolderTree, path: string): Promise<string> {
  return tree.stat(path).then(
    ({ bytes, modified }) => `${bytes} ${modified}`,
    () => '',
  );
}

/** What came of reading a file. */
export type Read =
  | { readonly stamp: string; readonly skip: Skip }
  | { readonly stamp: string; readonly skip?: undefined; readonly text: string; readonly cut: boolean };

/** A file's text up to the limit, without a byte order mark. */
export async function readText(tree: FolderTree, path: string, characters: number): Promise<Read> {
  const stamp = await stampOf(tree, path);
  try {
    const { bytes } = await tree.stat(path);
    if (bytes > LARGEST_FILE) return { stamp, skip: 'large' };
    const most = characters * BYTES_A_UNIT + LOOKED_AT;
    const data = await tree.read(path, most);
    if (data.subarray(0, LOOKED_AT).includes(0)) return { stamp, skip: 'binary' };
    const all = decoded(data, data.length < bytes);
    if (all === undefined) return { stamp, skip: 'binary' };
    const text = cutAt(all, characters);
    if (text.trim() === '') return { stamp, skip: 'empty' };
    return { stamp, text, cut: text.length < all.length || data.length < bytes };
  } catch {
    return { stamp, skip: 'unreadable' };
  }
}

/** Undefined when it is not UTF-8. A character that a limit cut through does not count. */
function decoded(data: Uint8Array, partial: boolean): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(data, { stream: partial });
  } catch {
    return undefined;
  }
}

/** The text's first units, without half a surrogate pair at the end. */
function cutAt(text: string, units: number): string {
  const cut = text.slice(0, units);
  return /[\ud800-\udbff]$/u.test(cut) ? cut.slice(0, -1) : cut;
}
