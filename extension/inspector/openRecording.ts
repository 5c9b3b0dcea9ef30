import * as l10n from '@vscode/l10n';
import { basename } from 'node:path';
import { subjectsOfCounts } from '../analysis/recordedKinds.ts';
import { subjectOf } from '../analysis/sections/subject.ts';
import { hasPlaces } from '../analysis/tokenKinds.ts';
import { readRecordings } from '../formats/recording.ts';
import type { OpenedRecording, RecordingPaths } from '../protocol/recording.ts';

/** Opens what files hold together, with all that takes time for a large one. Throws UserError `trace-invalid`. */
export async function openRecording(paths: RecordingPaths): Promise<OpenedRecording> {
  const recording = await readRecordings(paths);
  const first = basename(paths[0]);
  const name = paths.length === 1 ? first : l10n.t`${first} and ${paths.length - 1} more`;
  if (recording.kind === 'counts') return { kind: 'counts', subjects: subjectsOfCounts(name, recording.counts) };
  const { trace, text } = recording;
  return { kind: 'trace', subject: { ...subjectOf(name, trace), trace, text }, placed: hasPlaces(trace.tokens) };
}
