/** The language that VS Code gives a file by its name, without opening it. */
import { extensions, workspace } from 'vscode';
import * as v from 'valibot';
import { globMatcher } from '../analysis/folder/glob.ts';
import { languageOf } from '../analysis/folder/languages.ts';

const names = v.fallback(v.array(v.string()), () => []);
const contributionSchema = v.object({
  contributes: v.object({
    languages: v.array(v.object({ id: v.string(), extensions: names, filenames: names, filenamePatterns: names })),
  }),
});
const associationsSchema = v.fallback(v.record(v.string(), v.string()), () => ({}));

/**
 * Made of `files.associations` and of what extensions contribute: a whole name before a pattern, a longer extension before a shorter
 * one, as VS Code has it. What none of them knows goes by our own list.
 */
export function languageLookup(): (path: string) => string {
  const byName = new Map<string, string>();
  const byExtension = new Map<string, string>();
  const patterns: { readonly matches: (path: string) => boolean; readonly id: string }[] = [];
  for (const { packageJSON } of extensions.all) {
    const manifest = v.safeParse(contributionSchema, packageJSON);
    if (!manifest.success) continue;
    for (const { id, extensions: endings, filenames, filenamePatterns } of manifest.output.contributes.languages) {
      for (const ending of endings) byExtension.set(ending.toLowerCase(), id);
      for (const name of filenames) byName.set(name.toLowerCase(), id);
      for (const glob of filenamePatterns) patterns.push({ matches: globMatcher(glob), id });
    }
  }
  const associated = v.parse(associationsSchema, workspace.getConfiguration('files').get('associations'));
  const own = Object.entries(associated).map(([glob, id]) => ({ matches: globMatcher(glob), id }));
  return (path) => {
    const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
    const byGlob = (rules: typeof patterns): string | undefined => rules.find(({ matches }) => matches(path))?.id;
    return byGlob(own) ?? byName.get(name) ?? byGlob(patterns) ?? longestEnding(name, byExtension) ?? languageOf(path);
  };
}

function longestEnding(name: string, byExtension: ReadonlyMap<string, string>): string | undefined {
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const id = byExtension.get(name.slice(dot));
    if (id !== undefined) return id;
  }
  return undefined;
}
