/** Routing that others recorded: a serving engine, an offline run, a paper. Plain data, so that it crosses processes as it is. */
import type { Subject } from '../analysis/sections/subject.ts';
import type { LayerCounts, ModelInfo, RoutingTrace } from './trace.ts';

/** Counts without tokens. */
export interface RecordedCounts {
  /** What tells it from the others of the recording: a domain, say; empty where it is the only one. */
  readonly name: string;
  readonly model: ModelInfo;
  readonly loads: readonly LayerCounts[];
  /** The one of a server's ranks that counted this; absent where all did together. */
  readonly rank?: number;
  /** The same slots by step of the recording, [S·E] in order, by layer as in `loads`; absent where it is not divided into steps. */
  readonly steps?: readonly Float64Array[];
}

/** What a file of recorded routing holds: the routing of each token, or counts alone. */
export type Recording =
  | {
      readonly kind: 'trace';
      readonly trace: RoutingTrace;
      /** The text that was routed; empty where the recording does not hold it. */
      readonly text: string;
    }
  | { readonly kind: 'counts'; readonly counts: readonly [RecordedCounts, ...RecordedCounts[]] };

/** Files that are one recording, such as the dumps of several servers. */
export type RecordingPaths = readonly [string, ...string[]];

/** A recording, ready to be reported on. */
export type OpenedRecording =
  | {
      readonly kind: 'trace';
      readonly subject: Subject & { readonly trace: RoutingTrace; readonly text: string };
      /** Whether tokens stand somewhere in the text. */
      readonly placed: boolean;
    }
  | { readonly kind: 'counts'; readonly subjects: readonly Subject[] };
