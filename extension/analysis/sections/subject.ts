/** What the sections of a report are about: the routing of a text, of a folder, or counts that somebody recorded. */
import type { RecordedCounts } from '../../protocol/recording.ts';
import type { ModelProfile } from '../../protocol/profile.ts';
import type { LayerCounts, ModelInfo, RoutingTrace } from '../../protocol/trace.ts';
import type { Ablated } from '../ablation.ts';
import type { Balanced } from '../balanced.ts';
import { totalLoads, type Domain } from '../folder/domains.ts';
import type { FolderRouting } from '../folder/folderRouting.ts';
import type { FolderAccount } from '../folder/sentences.ts';
import { expertCounts } from '../load.ts';
import type { Outcome } from '../outcome.ts';

/** Plain data and typed arrays, so that it crosses to the analyst as it is. */
export interface Subject {
  /** What a user calls it: a file's name, a folder's. */
  readonly name: string;
  readonly model: ModelInfo;
  /** `measured`: this machine ran the model. `recorded`: read from a file. */
  readonly source: 'measured' | 'recorded';
  /** By MoE layer. */
  readonly loads: readonly LayerCounts[];
  /** Routing token by token; absent where only counts are known. */
  readonly trace?: RoutingTrace;
  /** The text that was routed. */
  readonly text?: string;
  /** Its routing belongs to no open editor, so that the model is not run on it anew. */
  readonly detached?: true;
  /** Kinds of text that were routed, one by one: a folder's languages, sources that somebody recorded. */
  readonly domains?: readonly Domain[];
  /** What is known of a folder's routing beyond its domains. */
  readonly folder?: Omit<FolderRouting, 'domains'> & { readonly account?: FolderAccount };
  /** The same slots by step of a recording, [S·E], by layer as in `loads`: forward passes of a server, say. */
  readonly steps?: readonly Float64Array[];
  /** What else is known: runs with a change, another text to compare with. */
  readonly evidence: Evidence;
}

/** Each is there once it was made; who makes it adds it here. */
export interface Evidence {
  /** What the user compares it with: another model's routing of the same text, another text. */
  readonly other?: Subject;
  /** The text with a change in the model, measured; the latest first. */
  readonly outcomes?: readonly Outcome[];
  /** Biases that even out the load. */
  readonly balanced?: Balanced;
  /** What the text loses without its experts. */
  readonly ablated?: Ablated;
  /** Where the time of its model's passes goes. */
  readonly profile?: ModelProfile;
}

/** A text's routing as a subject. */
export function subjectOf(name: string, trace: RoutingTrace, text?: string, evidence: Evidence = {}): Subject {
  return {
    name,
    model: trace.origin.model,
    source: trace.origin.source,
    loads: trace.layers.map((layer) => ({ shape: layer, counts: expertCounts(layer, 0, trace.routed) })),
    trace,
    ...(text === undefined ? {} : { text }),
    evidence,
  };
}

/** Counts that somebody recorded as a subject. */
export function subjectOfCounts(
  name: string,
  { model, loads, steps }: RecordedCounts,
  evidence: Evidence = {},
): Subject {
  return { name, model, source: 'recorded', loads, ...(steps ? { steps } : {}), evidence };
}

/**
 * A folder's routing as a subject.
 *
 * @param account what was routed and what was not
 */
export function subjectOfFolder(name: string, routing: FolderRouting, account?: FolderAccount): Subject {
  const { model, domains, ...rest } = routing;
  return {
    name,
    model,
    source: 'measured',
    loads: totalLoads(domains, model.moeLayers),
    domains,
    folder: { model, ...rest, ...(account ? { account } : {}) },
    evidence: {},
  };
}
