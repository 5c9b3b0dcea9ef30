import { buffer } from 'node:stream/consumers';
import { readRecordings, recordingOf } from '../formats/recording.ts';
import type { Recording } from '../protocol/recording.ts';
import { readOneText, route, type Routed, type RouteOptions } from './route.ts';
import { UsageError } from './usage.ts';

export interface ObtainOptions extends RouteOptions {
  readonly files: readonly string[];
  /** Files of recorded routing, instead of a text, whose counts are added up; "-" is standard input. */
  readonly trace: readonly string[];
}

/** Routing of a text, or counts of a recording that holds no tokens. */
export type Obtained = ({ readonly kind: 'routed' } & Routed) | Extract<Recording, { kind: 'counts' }>;

/** Opens files that are one recording; "-" is standard input, for itself. Throws UserError and UsageError. */
export async function openRecording([first, ...more]: readonly [string, ...string[]]): Promise<Recording> {
  if (![first, ...more].includes('-')) return readRecordings([first, ...more]);
  if (more.length > 0) throw new UsageError('Standard input and a file are not added up.');
  return recordingOf(await buffer(process.stdin), 'recording');
}

/** Routes the one file that is named, or opens a recording. Throws UserError and UsageError. */
export async function obtain(options: ObtainOptions): Promise<Obtained> {
  const { files } = options;
  const [first, ...more] = options.trace;
  if (first === undefined) return { kind: 'routed', ...(await route(await readOneText(files), options)) };
  if (files.length > 0) throw new UsageError('Either a FILE or --trace, not both.');
  const recording = await openRecording([first, ...more]);
  return recording.kind === 'counts' ? recording : { kind: 'routed', recorded: recording, interrupted: false };
}
