import { writeTraceJson } from '../formats/traceJson.ts';
import { showCounts } from './counts.ts';
import { obtain, type ObtainOptions } from './obtain.ts';
import { writeOut } from './output.ts';
import { INTERRUPTED } from './route.ts';
import { renderTables } from './table.ts';
import { UsageError } from './usage.ts';

export interface AnalyzeOptions extends ObtainOptions {
  readonly json: string | undefined;
  readonly layer: number | undefined;
  readonly part: string | undefined;
}

/** Routes a text or opens a recording, and shows it. Returns the exit code; throws UserError and UsageError. */
export async function analyze(options: AnalyzeOptions): Promise<number> {
  const obtained = await obtain(options);
  if (obtained.kind === 'counts') return showCounts(obtained.counts, options);
  const { recorded, interrupted } = obtained;
  const { trace } = recorded;
  const { layer } = options;
  if (layer !== undefined && !trace.layers.some((l) => l.layer === layer)) {
    const known = trace.layers.map((l) => l.layer).join(', ');
    throw new UsageError(`The model has no MoE layer ${layer}; it has ${known}.`);
  }
  if (options.json !== undefined) await writeOut(options.json, writeTraceJson(recorded));
  if (options.json !== '-') process.stdout.write(renderTables(recorded, layer));
  return interrupted ? INTERRUPTED : 0;
}
