/** A folder's files as a walk sees them: ignored ones left out. Paths are relative to the folder, with `/` between names. */
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import ignore, { type Ignore } from 'ignore';
import { globMatcher, pathMatcher } from '../analysis/folder/glob.ts';
import type { Unseen } from '../analysis/folder/sentences.ts';
import { throwIfAborted } from '../protocol/errors.ts';

export interface Entry {
  readonly name: string;
  readonly kind: 'file' | 'folder';
}

/** Where files come from: the disk, or a workspace that VS Code knows. All reject when something cannot be read. */
export interface FolderTree {
  /** What stands in a folder; links are left out, for they may lead round in circles. */
  list(path: string): Promise<readonly Entry[]>;
  /** What tells a version of a file from others. */
  stat(path: string): Promise<{ readonly bytes: number; readonly modified: number }>;
  /** At most so many bytes from a file's beginning. */
  read(path: string, most: number): Promise<Uint8Array>;
}

/** What is left out. `when` names a sibling that must be there, as in VS Code's `files.exclude`: `$(basename).ts`. */
export interface Exclusion {
  readonly glob: string;
  readonly when?: string;
}

/** Rules of a .gitignore above the folder; `prefix` leads from there to the folder. */
export interface OuterRules {
  readonly rules: string;
  readonly prefix: string;
}

export interface WalkOptions {
  /** Only files that match one of these, where there are any. */
  readonly include: readonly string[];
  readonly exclude: readonly Exclusion[];
  readonly outer: readonly OuterRules[];
  /** Only these files and folders of it, where there are any. */
  readonly within?: readonly string[];
  /** Path from what `exclude` is relative to down to the folder. */
  readonly prefix?: string;
}

/** Most files that a walk finds. */
const MOST_FOUND = 100_000;
/** What no one means. */
const ALWAYS_LEFT_OUT: readonly Exclusion[] = ['.git', '.hg', '.svn', '.DS_Store'].map((name) => ({
  glob: `**/${name}`,
}));
/** Longest .gitignore that is read. */
const LONGEST_RULES = 1_000_000;

/** What there is; `more` where it is more than MOST_FOUND. */
export interface Walk extends Unseen {
  readonly paths: readonly string[];
}

/** Finds the files of a folder, in the order of their names. Throws UserError `cancelled`, and nothing else. */
export async function walk(tree: FolderTree, options: WalkOptions, signal: AbortSignal): Promise<Walk> {
  const include = options.include.map(globMatcher);
  const exclude = [...ALWAYS_LEFT_OUT, ...options.exclude].map(({ glob, when }) => ({
    matches: pathMatcher(glob),
    when,
  }));
  const outer = options.outer.map(({ rules, prefix }) => ({ rules: rulesOf(rules), prefix }));
  const { within = [], prefix = '' } = options;
  const paths: string[] = [];
  let unreadable = 0;
  const visit = async (folder: string, levels: readonly Level[]): Promise<void> => {
    if (signal.aborted || paths.length > MOST_FOUND) return;
    let entries: readonly Entry[];
    try {
      entries = await tree.list(folder);
    } catch {
      unreadable += 1;
      return;
    }
    const names = new Set(entries.map(({ name }) => name));
    const inner = names.has('.gitignore') ? [...levels, await levelOf(tree, folder)] : levels;
    for (const { name, kind } of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = folder === '' ? name : `${folder}/${name}`;
      if (within.length > 0 && !within.some((one) => leadsTo(path, one) || leadsTo(one, path))) continue;
      const whole = prefix === '' ? path : `${prefix}/${path}`;
      const left = exclude.some(
        ({ matches, when }) => matches(whole) && (when === undefined || names.has(sibling(when, name))),
      );
      if (left || isIgnored(inner, kind === 'folder' ? `${path}/` : path)) continue;
      if (kind === 'folder') await visit(path, inner);
      else if (include.length === 0 || include.some((matches) => matches(path))) paths.push(path);
      if (paths.length > MOST_FOUND) return;
    }
  };
  await visit('', outer);
  throwIfAborted(signal);
  return { paths: paths.slice(0, MOST_FOUND), more: paths.length > MOST_FOUND, unreadable };
}

/** Whether the one is the other, or stands in it. */
function leadsTo(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** Rules and what is put before, or taken off, a path for them. */
interface Level {
  readonly rules: Ignore;
  readonly prefix?: string;
  readonly base?: string;
}

async function levelOf(tree: FolderTree, folder: string): Promise<Level> {
  const path = folder === '' ? '.gitignore' : `${folder}/.gitignore`;
  const bytes = await tree.read(path, LONGEST_RULES).catch(() => new Uint8Array());
  return { rules: rulesOf(new TextDecoder().decode(bytes)), base: folder };
}

/** Git tells small letters from capital ones where file systems do. */
function rulesOf(text: string): Ignore {
  return ignore({ ignorecase: process.platform !== 'linux' }).add(text);
}

/** The innermost rules that say something decide. */
function isIgnored(levels: readonly Level[], path: string): boolean {
  for (const { rules, prefix, base } of levels.toReversed()) {
    const within = base ? path.slice(base.length + 1) : path;
    const own = prefix ? `${prefix}/${within}` : within;
    const { ignored, unignored } = rules.test(own);
    if (ignored || unignored) return ignored;
  }
  return false;
}

function sibling(when: string, name: string): string {
  const dot = name.lastIndexOf('.');
  return when.replaceAll('$(basename)', dot > 0 ? name.slice(0, dot) : name);
}

/** A folder on disk. */
export class DiskTree implements FolderTree {
  constructor(readonly folder: string) {}

  async list(path: string): Promise<readonly Entry[]> {
    const entries = await readdir(join(this.folder, path), { withFileTypes: true });
    return entries.flatMap((entry): Entry[] => {
      if (entry.isDirectory()) return [{ name: entry.name, kind: 'folder' }];
      return entry.isFile() ? [{ name: entry.name, kind: 'file' }] : [];
    });
  }

  async stat(path: string): Promise<{ bytes: number; modified: number }> {
    const { size, mtimeMs } = await stat(join(this.folder, path));
    return { bytes: size, modified: mtimeMs };
  }

  async read(path: string, most: number): Promise<Uint8Array> {
    const file = await open(join(this.folder, path));
    try {
      const bytes = new Uint8Array(Math.min(most, (await file.stat()).size));
      let length = 0;
      while (length < bytes.length) {
        const { bytesRead } = await file.read(bytes, length, bytes.length - length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return bytes.subarray(0, length);
    } finally {
      await file.close();
    }
  }
}

/** The rules of the repository that a folder on disk lies in; none outside of one. */
export async function outerRules(folder: string): Promise<OuterRules[]> {
  const found: OuterRules[] = [];
  let prefix = '';
  for (let at = folder; ; at = dirname(at)) {
    if (prefix !== '') {
      const rules = await readFile(join(at, '.gitignore'), 'utf8').catch(() => undefined);
      if (rules !== undefined) found.unshift({ rules, prefix });
    }
    const repository = await stat(join(at, '.git')).catch(() => undefined);
    if (repository) {
      const rules = await readFile(join(at, '.git/info/exclude'), 'utf8').catch(() => undefined);
      return rules === undefined ? found : [{ rules, prefix }, ...found];
    }
    if (dirname(at) === at) return [];
    prefix = prefix === '' ? basename(at) : `${basename(at)}/${prefix}`;
  }
}
