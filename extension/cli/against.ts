/** What a report compares its texts with: another model, another text, another recording. */
import { subjectOf, type Subject } from '../analysis/sections/subject.ts';
import type { ReportOptions } from './report.ts';
import { isModel, readText, routeAll } from './route.ts';
import { UsageError } from './usage.ts';

/**
 * The other side of each of some routed texts: the same text under the model at a path, or for all of them the one text that
 * stands there. A folder is a model, and so are an ONNX file and the name of a bundled one. Throws UserError and UsageError.
 *
 * @param other where the model or the text is, and what to call the text
 */
export async function routedAgainst(
  { path, name }: { readonly path: string; readonly name: string },
  texts: readonly { readonly name: string; readonly text: string }[],
  options: ReportOptions,
): Promise<{ readonly others: readonly Subject[]; readonly interrupted: boolean }> {
  const underModel = await isModel(path);
  if (underModel && options.server) throw new UsageError('--against takes a text where --server routes, not a model.');
  const wanted = underModel ? texts : [{ name, text: await readText(path) }];
  const routed = await routeAll(
    wanted.map(({ text }) => text),
    underModel ? { ...options, model: path, router: undefined } : options,
  );
  const others = routed.map(({ recorded: { trace, text } }, i) => subjectOf(wanted[i]!.name, trace, text));
  return {
    others: underModel ? others : texts.flatMap(() => others),
    interrupted: routed.some(({ interrupted }) => interrupted),
  };
}
