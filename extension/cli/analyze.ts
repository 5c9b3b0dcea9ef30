import { writeTraceJson } from '../formats/traceJson.ts';
import { writtenNow } from '../protocol/writtenNow.ts';
import { showCounts, withoutPart } from './counts.ts';
import { findLayer } from './measuring.ts';
import { obtain, type ObtainOptions } from './obtain.ts';
import { writeOut } from './output.ts';
import { fileName, INTERRUPTED } from './route.ts';
import { renderTables } from './table.ts';
import { UsageError } from './usage.ts';

export interface AnalyzeOptions extends ObtainOptions {
  readonly json: string | undefined;
  /** Its label, as findLayer takes it. */
  readonly layer: string | undefined;
  readonly part: string | undefined;
}

/** Routes a text or opens a recording, and shows it. Returns the exit code; throws UserError and UsageError. */
export async function analyze(options: AnalyzeOptions): Promise<number> {
  const obtained = await obtain(options);
  if (obtained.kind === 'counts') {
    if (options.layer !== undefined)
      throw new UsageError('--layer is for tokens, and the recording counts slots alone.');
    return showCounts(obtained.counts, options);
  }
  const { recorded, interrupted } = obtained;
  const { trace } = recorded;
  if (options.trace.length > 0) withoutPart(options.part);
  const layer =
    options.layer === undefined ? undefined : trace.layers[findLayer({ moeLayers: trace.layers }, options.layer)];
  if (options.json !== undefined) {
    const name = fileName(options.files[0] ?? options.trace[0]!);
    await writeOut(options.json, writeTraceJson(recorded, { ...writtenNow(__dirname), name }));
  }
  const asked = interrupted ? 0 : options.generate;
  if (options.json !== '-') process.stdout.write(renderTables(recorded, layer, asked));
  return interrupted ? INTERRUPTED : 0;
}
