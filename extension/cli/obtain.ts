import { buffer } from 'node:stream/consumers';
import { readRecording, recordingOf } from '../formats/recording.ts';
import type { Recording } from '../protocol/recording.ts';
import { readOneText, route, type Routed, type RouteOptions } from './route.ts';
import { UsageError } from './usage.ts';

export interface ObtainOptions extends RouteOptions {
  readonly files: readonly string[];
  /** A file of recorded routing, instead of a text; "-" is standard input. */
  readonly trace: string | undefined;
}

/** Routing of a text, or counts of a recording that holds no tokens. */
export type Obtained = ({ readonly kind: 'routed' } & Routed) | Extract<Recording, { kind: 'counts' }>;

/** Opens a recording; "-" is standard input. Throws UserError. */
export async function openRecording(file: string): Promise<Recording> {
  return file === '-' ? recordingOf(await buffer(process.stdin), 'recording') : readRecording(file);
}

/** Routes the one file that is named, or opens a recording. Throws UserError and UsageError. */
export async function obtain(options: ObtainOptions): Promise<Obtained> {
  const { trace: file, files } = options;
  if (file === undefined) return { kind: 'routed', ...(await route(await readOneText(files), options)) };
  if (files.length > 0) throw new UsageError('Either a FILE or --trace, not both.');
  const recording = await openRecording(file);
  return recording.kind === 'counts' ? recording : { kind: 'routed', recorded: recording, interrupted: false };
}
