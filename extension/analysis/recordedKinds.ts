/** Counts that somebody recorded of several kinds of text, as subjects: those of one model together, and each for itself. */
import * as l10n from '@vscode/l10n';
import type { RecordedCounts } from '../protocol/recording.ts';
import { recordedDomain } from './folder/domains.ts';
import { subjectOfCounts, type Subject } from './sections/subject.ts';

/** One subject for each model with several parts, which are its kinds of text, and one for each part. */
export function subjectsOfCounts(file: string, all: readonly RecordedCounts[]): Subject[] {
  const models = new Map<string, RecordedCounts[]>();
  for (const counts of all) {
    const key = JSON.stringify([counts.model.name, counts.loads.map(({ shape }) => shape)]);
    models.set(key, [...(models.get(key) ?? []), counts]);
  }
  const together = [...models.values()].filter((parts) => parts.length > 1).map(modelSubject);
  return [...together, ...all.map((counts) => subjectOfCounts(counts.name === '' ? file : counts.name, counts))];
}

function modelSubject(parts: readonly RecordedCounts[]): Subject {
  const first = parts[0]!;
  const { model } = first;
  const loads = first.loads.map(({ shape }, layer) => ({
    shape,
    counts: Float64Array.from({ length: shape.experts }, (_, e) =>
      parts.reduce((sum, part) => sum + part.loads[layer]!.counts[e]!, 0),
    ),
  }));
  const domains = parts.map(({ name, loads: of }) =>
    recordedDomain(
      domainName(name, model.name),
      of.map(({ shape, counts }) => ({ counts, tokens: counts.reduce((sum, n) => sum + n, 0) / shape.k })),
    ),
  );
  return {
    name: l10n.t`${model.name}, ${parts.length} kinds of text`,
    model,
    source: 'recorded',
    loads,
    domains,
    evidence: {},
  };
}

/** Parts are named after their model as well. */
function domainName(name: string, model: string): string {
  return name.startsWith(`${model}, `) ? name.slice(model.length + 2) : name;
}
