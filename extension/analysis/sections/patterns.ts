/** What sections know of which experts work together, and on what: of a folder, or of a single text. */
import type { RoutingTrace } from '../../protocol/trace.ts';
import { expertOffsets } from '../folder/domains.ts';
import { folderOfText, type FolderRouting } from '../folder/folderRouting.ts';
import type { Subject } from './subject.ts';

export type Patterns = Omit<FolderRouting, 'domains'>;

/** Made once for a trace: a control of a section moves more often than its text. */
const made = new WeakMap<RoutingTrace, Patterns>();

/** Undefined where only counts are known. */
export function patternsOf({ name, folder, trace, text = '' }: Subject): Patterns | undefined {
  if (folder || !trace) return folder;
  let patterns = made.get(trace);
  if (!patterns) made.set(trace, (patterns = folderOfText(name, trace, text)));
  return patterns;
}

/** Where each layer's experts stand in [ΣE]. */
export function offsetsOf({ loads }: Subject): number[] {
  return expertOffsets(loads.map(({ shape }) => shape));
}
