/** What the transfers of expert parallelism weigh and how long they take. Simulated: the links are assumptions. */
import type { Placement } from './placement.ts';
import type { Visits } from './traffic.ts';

/** How a token's hidden state is sent to an expert. What comes back is BF16. */
export const DISPATCH_FORMATS = ['fp8', 'bf16'] as const;
export type DispatchFormat = (typeof DISPATCH_FORMATS)[number];

/**
 * Bytes of one token to one target. FP8: H, a float32 scale for each 128 numbers and 16 bytes of header; BF16: 2·H and the
 * header. DeepEP, test_low_latency.py, whose tests count so.
 */
export function dispatchBytes(hiddenSize: number, format: DispatchFormat): number {
  return (format === 'fp8' ? hiddenSize + (4 * hiddenSize) / 128 : 2 * hiddenSize) + 16;
}

/** Bytes of one result on its way back, in BF16: 2·H. */
export function combineBytes(hiddenSize: number): number {
  return 2 * hiddenSize;
}

/** How often a token crosses: once for each slot, once for each device, or between nodes once for each node. */
export type Sending = 'slot' | 'device' | 'node';

/** Transfers of a token at one layer, there; as many come back. */
export interface Transfers {
  /** To another device of the same node. */
  readonly within: number;
  /** To another node. */
  readonly across: number;
}

/**
 * Mean transfers of a token whose home is any device with equal chance: of what goes to a device 1/D stays there, and of what
 * goes to a node 1/N stays in it. Sent once a node, it is handed on inside: each device but the first of the node gets it within.
 */
export function transfers(visits: Visits, { devices, nodes }: Placement, sending: Sending): Transfers {
  const targets = sending === 'slot' ? visits.slots : visits.devices;
  const remote = targets * (1 - 1 / devices);
  const across = (sending === 'node' ? visits.nodes : targets) * (1 - 1 / nodes);
  return { within: remote - across, across };
}

/** The links of a simulated machine. */
export interface Links {
  /** Bytes per second that a device takes in from its node, and from other nodes. */
  readonly within: number;
  readonly across: number;
  /** Seconds that an exchange takes whatever it carries: in a node, and over several. */
  readonly latencyWithin: number;
  readonly latencyAcross: number;
}

/**
 * Seconds of one exchange there and back for a batch of `tokens` on each device, as the busiest device has it: both links work at
 * the same time, so the slower one counts, and the latency comes on top, twice.
 */
export function exchangeSeconds(
  visits: Visits,
  place: Placement,
  sending: Sending,
  tokens: number,
  bytes: { readonly dispatch: number; readonly combine: number },
  links: Links,
): number {
  if (place.devices === 1) return 0;
  const at = sending === 'slot' ? visits.slotsAt : visits.tokensAt;
  const mean = at.reduce((sum, v) => sum + v, 0) / at.length;
  const busiest = at.reduce((most, v) => Math.max(most, v), 0);
  const { within, across } = transfers(visits, place, sending);
  // The mean device takes in as many transfers as a token makes, times the tokens that begin on a device.
  const taken = tokens * (mean > 0 ? busiest / mean : 0);
  const oneWay = (each: number): number =>
    Math.max((taken * within * each) / links.within, (taken * across * each) / links.across);
  const latency = place.nodes > 1 ? links.latencyAcross : links.latencyWithin;
  return oneWay(bytes.dispatch) + oneWay(bytes.combine) + 2 * latency;
}
