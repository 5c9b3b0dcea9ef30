import * as l10n from '@vscode/l10n';
import { basename } from 'node:path';
import { subjectsOfCounts } from '../analysis/recordedKinds.ts';
import { subjectOf } from '../analysis/sections/subject.ts';
import { readRecordings } from '../formats/recording.ts';
import type { OpenedRecording, RecordingPaths } from '../protocol/recording.ts';
import type { RoutingTrace } from '../protocol/trace.ts';

/** Opens what files hold together, with all that takes time for a large one. Throws UserError `trace-invalid`. */
export async function openRecording(paths: RecordingPaths): Promise<OpenedRecording> {
  const recording = await readRecordings(paths);
  const first = basename(paths[0]);
  const name = paths.length === 1 ? first : l10n.t`${first} and ${paths.length - 1} more`;
  if (recording.kind === 'counts') return { kind: 'counts', subjects: subjectsOfCounts(name, recording.counts) };
  const { trace, text } = recording;
  return { kind: 'trace', subject: { ...subjectOf(name, trace), trace, text }, placed: hasPlaces(trace) };
}

function hasPlaces({ tokens: { start, end } }: RoutingTrace): boolean {
  return start.some((from, t) => from < end[t]!);
}
