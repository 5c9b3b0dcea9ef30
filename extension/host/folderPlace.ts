/** What of the workspace a folder analysis takes: the files that the user means, without those that the user does not want to see. */
import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import { FileType, workspace, type FileStat, type Uri } from 'vscode';
import * as v from 'valibot';
import {
  DiskTree,
  outerRules,
  type Entry,
  type Exclusion,
  type FolderTree,
  type OuterRules,
} from '../client/folderTree.ts';
import { UserError } from '../protocol/errors.ts';

/** Files and folders that were chosen, under the folder that all of them stand in. */
export interface FolderPlace {
  readonly base: Uri;
  readonly name: string;
  readonly tree: FolderTree;
  /** Paths of what was chosen in it, sorted; none for all. */
  readonly within: readonly string[];
  /** Where the folder stands in its workspace folder: what globs of settings are relative to. */
  readonly prefix: string;
  readonly exclude: readonly Exclusion[];
  readonly outer: readonly OuterRules[];
}

/** Of one folder, or of several files and folders of one file system. Throws UserError when it is not there. */
export async function folderPlace(chosen: readonly [Uri, ...Uri[]]): Promise<FolderPlace> {
  const [first, ...others] = chosen;
  const same = others.filter(({ scheme, authority }) => scheme === first.scheme && authority === first.authority);
  const isFolder = ((await statOf(first)).type & FileType.Directory) !== 0;
  const paths = [first, ...same].map(({ path }) => path);
  const whole = same.length === 0 && isFolder;
  const path = whole ? first.path : commonFolder(paths);
  const base = first.with({ path });
  const owner = workspace.getWorkspaceFolder(base)?.uri;
  return {
    base,
    name: posix.basename(path) || path,
    tree: base.scheme === 'file' ? new DiskTree(base.fsPath) : new UriTree(base),
    within: whole ? [] : paths.map((one) => posix.relative(path, one)).sort(),
    prefix: owner ? posix.relative(owner.path, path) : '',
    exclude: [...exclusions('files', base), ...exclusions('search', base)],
    outer: base.scheme === 'file' ? await outerRules(base.fsPath) : [],
  };
}

async function statOf(uri: Uri): Promise<FileStat> {
  try {
    return await workspace.fs.stat(uri);
  } catch (error) {
    throw new UserError('text-gone', l10n.t`${posix.basename(uri.path)} cannot be opened: it may be gone.`, {
      cause: error,
    });
  }
}

function commonFolder(paths: readonly string[]): string {
  let common = posix.dirname(paths[0]!);
  while (!paths.every((path) => path.startsWith(common === '/' ? '/' : `${common}/`))) common = posix.dirname(common);
  return common;
}

const excludeSchema = v.fallback(
  v.record(v.string(), v.union([v.boolean(), v.pipe(v.object({ when: v.string() }), v.readonly())])),
  () => ({}),
);

/** `files.exclude` and `search.exclude`, as they hold there. */
function exclusions(section: 'files' | 'search', scope: Uri): Exclusion[] {
  const set = v.parse(excludeSchema, workspace.getConfiguration(section, scope).get('exclude'));
  return Object.entries(set).flatMap(([glob, on]): Exclusion[] => {
    if (typeof on === 'boolean') return on ? [{ glob }] : [];
    return [{ glob, when: on.when }];
  });
}

/** A folder of a file system that VS Code alone knows. */
class UriTree implements FolderTree {
  readonly #base: Uri;

  constructor(base: Uri) {
    this.#base = base;
  }

  async list(path: string): Promise<readonly Entry[]> {
    const entries = await workspace.fs.readDirectory(this.#uri(path));
    return entries.flatMap(([name, type]): Entry[] => {
      if (type === FileType.Directory) return [{ name, kind: 'folder' }];
      return type === FileType.File ? [{ name, kind: 'file' }] : [];
    });
  }

  async stat(path: string): Promise<{ bytes: number; modified: number }> {
    const { size, mtime } = await workspace.fs.stat(this.#uri(path));
    return { bytes: size, modified: mtime };
  }

  async read(path: string, most: number): Promise<Uint8Array> {
    return (await workspace.fs.readFile(this.#uri(path))).subarray(0, most);
  }

  #uri(path: string): Uri {
    return this.#base.with({ path: posix.join(this.#base.path, path) });
  }
}
