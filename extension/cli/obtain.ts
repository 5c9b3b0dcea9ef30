import { buffer } from 'node:stream/consumers';
import { readRecordings, recordingOf } from '../formats/recording.ts';
import type { KnownLayers } from '../formats/routedExperts.ts';
import { InspectorClient } from '../client/inspectorClient.ts';
import type { Recording, RecordingPaths } from '../protocol/recording.ts';
import { modelPath, readOneText, route, type Routed, type RouteOptions } from './route.ts';
import { INSPECTOR } from './routers.ts';
import { logProblems } from './served.ts';
import { UsageError } from './usage.ts';

export interface ObtainOptions extends RouteOptions {
  readonly files: readonly string[];
  /** Files of recorded routing, instead of a text, whose counts are added up; "-" is standard input. */
  readonly trace: readonly string[];
}

/** Routing of a text, or counts of a recording that holds no tokens. */
export type Obtained = ({ readonly kind: 'routed' } & Routed) | Extract<Recording, { kind: 'counts' }>;

/**
 * Opens files that are one recording; "-" is standard input, for itself.
 *
 * @param model the folder whose config.json says what the layers of expert ids are
 * @throws UserError, UsageError
 */
export async function openRecording(paths: RecordingPaths, model: string | undefined): Promise<Recording> {
  const known = model === undefined ? undefined : await shapeOf(model);
  return paths.includes('-') ? readStandardInput(paths, known) : readRecordings(paths, known);
}

/** Throws UsageError when a model is named and none of the recordings has a use for it. */
export function requireUse(model: string | undefined, recordings: readonly Recording[]): void {
  if (model === undefined) return;
  if (recordings.some((each) => each.kind === 'trace' && each.trace.origin.model.weightless)) return;
  throw new UsageError('--model goes with a --trace of expert ids alone: this one needs no config.json.');
}

async function readStandardInput({ length }: RecordingPaths, known: KnownLayers | undefined): Promise<Recording> {
  if (length > 1) throw new UsageError('Standard input and a file are not added up.');
  return recordingOf(await buffer(process.stdin), 'recording', known);
}

async function shapeOf(model: string): Promise<KnownLayers> {
  const inspector = new InspectorClient({ entry: INSPECTOR, log: logProblems });
  try {
    return await inspector.shape(modelPath(model), new AbortController().signal);
  } finally {
    inspector.dispose();
  }
}

/** Routes the one file that is named, or opens a recording. Throws UserError and UsageError. */
export async function obtain(options: ObtainOptions): Promise<Obtained> {
  const { files } = options;
  const [first, ...more] = options.trace;
  if (first === undefined) return { kind: 'routed', ...(await route(await readOneText(files), options)) };
  if (files.length > 0) throw new UsageError('Either a FILE or --trace, not both.');
  const recording = await openRecording([first, ...more], options.model);
  requireUse(options.model, [recording]);
  return recording.kind === 'counts' ? recording : { kind: 'routed', recorded: recording, interrupted: false };
}
