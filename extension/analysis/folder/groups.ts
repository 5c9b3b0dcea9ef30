/** What domain each file of a folder belongs to. */
import * as l10n from '@vscode/l10n';
import { globMatcher } from './glob.ts';

/** Most domains; the files of further, smaller ones are taken together. */
export const MOST_DOMAINS = 16;
/** Their name. */
export const OTHERS = l10n.t`other`;
/** The domain of files that stand in the folder itself, when files are grouped by folder. */
const TOP = l10n.t`(top)`;

/** A rule: the files that match belong to the domain. The first that matches counts. */
export interface GroupRule {
  readonly glob: string;
  readonly name: string;
}

export type Grouping =
  | { readonly by: 'language' }
  | { readonly by: 'folder' }
  | { readonly by: 'rules'; readonly rules: readonly GroupRule[] };

/** The domain of each path, in order. Rules leave files that none of them matches undefined: these are not analysed. */
export function domainsOf(
  paths: readonly string[],
  grouping: Grouping,
  languageOf: (path: string) => string,
): (string | undefined)[] {
  switch (grouping.by) {
    case 'language':
      return fewest(paths.map(languageOf));
    case 'folder':
      return fewest(byFolder(paths));
    case 'rules': {
      const rules = grouping.rules.map(({ glob, name }) => ({ name, matches: globMatcher(glob) }));
      return paths.map((path) => rules.find(({ matches }) => matches(path))?.name);
    }
  }
}

/** By the first folder in which the paths differ. */
function byFolder(paths: readonly string[]): string[] {
  const folders = paths.map((path) => path.split('/').slice(0, -1));
  let common = folders[0] ?? [];
  for (const folder of folders) {
    const differs = common.findIndex((name, i) => folder[i] !== name);
    if (differs >= 0) common = common.slice(0, differs);
  }
  return folders.map((folder) => folder[common.length] ?? TOP);
}

/** Names with all but the most frequent ones put together. */
function fewest(names: readonly string[]): string[] {
  const files = new Map<string, number>();
  for (const name of names) files.set(name, (files.get(name) ?? 0) + 1);
  if (files.size <= MOST_DOMAINS) return [...names];
  const order = [...files].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const kept = new Set(order.slice(0, MOST_DOMAINS - 1).map(([name]) => name));
  return names.map((name) => (kept.has(name) ? name : OTHERS));
}
