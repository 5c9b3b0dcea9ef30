/** Counts of several files that are one recording: dumps of servers, or of a server's ranks, that share the traffic. */
import { UNKNOWN_PRECISION, type LayerCounts } from '../protocol/trace.ts';
import type { RecordedCounts } from '../protocol/recording.ts';

/** Whether two count the same layers and experts. */
export function isAlike(a: RecordedCounts, b: RecordedCounts): boolean {
  return shapesOf(a) === shapesOf(b);
}

/** Whether two are of the same model in the same precision, as far as both tell; one whose name is empty does not. */
export function isOfOneModel({ model: a }: RecordedCounts, { model: b }: RecordedCounts): boolean {
  const named = a.name === '' || b.name === '' || a.name === b.name;
  const known = [a, b].every(({ precision }) => precision !== UNKNOWN_PRECISION);
  return named && (!known || a.precision === b.precision);
}

/**
 * The sum of counts that are alike. Their steps are put side by side in their order: the first of all, the second of all.
 *
 * @param notes what there is to say of the sum, a sentence each
 */
export function mergedCounts(
  parts: readonly [RecordedCounts, ...RecordedCounts[]],
  notes: readonly string[],
): RecordedCounts {
  const [{ name, loads }] = parts;
  const { model } = parts.find((part) => part.model.name !== '') ?? parts[0];
  const stepped = parts.flatMap(({ steps }) => (steps ? [steps] : []));
  return {
    name,
    model: withNotes(model, notes),
    loads: loads.map(({ shape }, l): LayerCounts => ({
      shape,
      counts: sum(parts.map((part) => part.loads[l]!.counts)),
    })),
    ...(stepped.length === parts.length ? { steps: loads.map((_, l) => sum(stepped.map((steps) => steps[l]!))) } : {}),
  };
}

/** The same counts, and what there is to say of them. */
export function notedCounts(counts: RecordedCounts, notes: readonly string[]): RecordedCounts {
  return { ...counts, model: withNotes(counts.model, notes) };
}

function withNotes(model: RecordedCounts['model'], notes: readonly string[]): RecordedCounts['model'] {
  const note = [...notes, ...(model.note === undefined ? [] : [model.note])].join(' ');
  return note === '' ? model : { ...model, note };
}

/** Number by number; what a shorter one does not have counts nothing. */
function sum(columns: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(Math.max(...columns.map(({ length }) => length)));
  for (const column of columns) column.forEach((count, i) => (all[i]! += count));
  return all;
}

function shapesOf({ loads }: RecordedCounts): string {
  return JSON.stringify(
    loads.map(({ shape: { layer, stack, experts, k, kUnknown } }) => [layer, stack, experts, k, kUnknown]),
  );
}
