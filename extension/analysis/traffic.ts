/**
 * All-to-all traffic of expert parallelism: to how many devices and nodes a token has to go at each MoE layer. Copies of an expert
 * take turns, so that each gets its share of the tokens.
 */
import { NO_EXPERT, type LayerTrace } from '../protocol/trace.ts';
import { isSeen } from './load.ts';
import { copiesOf, type LayerPlacement, type Placement } from './placement.ts';

/** Of one layer, as means over tokens; NaN throughout where there are none. */
export interface Visits {
  /** Slots of a token: transfers where it is sent once for each. */
  readonly slots: number;
  /** Distinct devices that hold them: transfers where a token goes to a device once. */
  readonly devices: number;
  /** Distinct nodes. */
  readonly nodes: number;
  /** Share of the tokens that go to each device, and slots of a token there; [D]. */
  readonly tokensAt: Float64Array;
  readonly slotsAt: Float64Array;
}

/** Counts the visits of tokens [0, routed) of a trace exactly. */
export function countVisits(layer: LayerTrace, routed: number, at: LayerPlacement, place: Placement): Visits {
  const { chosen, candidates, k } = layer;
  const { devices, nodes } = place;
  const perNode = devices / nodes;
  const { from, where } = homesOf(at);
  const turn = new Uint32Array(at.experts);
  // The token that came last to a device or a node, plus one.
  const lastAt = new Uint32Array(devices);
  const lastIn = new Uint32Array(nodes);
  const tokensAt = new Float64Array(devices);
  const slotsAt = new Float64Array(devices);
  let tokens = 0;
  let slots = 0;
  let distinct = 0;
  let distinctNodes = 0;
  for (let t = 0; t < routed; t++) {
    if (!isSeen(layer, t)) continue;
    tokens += 1;
    for (let i = t * candidates; i < t * candidates + k; i++) {
      const e = chosen[i]!;
      if (e === NO_EXPERT) continue;
      const first = from[e]!;
      const copies = from[e + 1]! - first;
      const device = where[first + (copies === 1 ? 0 : turn[e]!++ % copies)]!;
      slots += 1;
      slotsAt[device]! += 1;
      if (lastAt[device] === t + 1) continue;
      lastAt[device] = t + 1;
      distinct += 1;
      tokensAt[device]! += 1;
      const node = Math.floor(device / perNode);
      if (lastIn[node] === t + 1) continue;
      lastIn[node] = t + 1;
      distinctNodes += 1;
    }
  }
  return {
    slots: slots / tokens,
    devices: distinct / tokens,
    nodes: distinctNodes / tokens,
    tokensAt: tokensAt.map((n) => n / tokens),
    slotsAt: slotsAt.map((n) => n / tokens),
  };
}

/**
 * Visits to be expected where only counts are known: each token draws k different experts by itself, with odds p/(1 − p) of
 * expert e for the share p of tokens that choose it (conditional Poisson sampling; Chen, Dempster and Liu, Biometrika 81, 1994).
 * The chance that a token passes a device by is e_k(odds of what it does not hold) / e_k(all odds), e_k being the elementary
 * symmetric polynomial of degree k. For an even load that is 1 − C(E − E/D, k) / C(E, k) for a visit. Where a limit of the
 * model's own dropped slots, as large a share of the visits is taken to be missing.
 *
 * @param tokens that the layer saw
 */
export function expectVisits(
  counts: Float64Array,
  tokens: number,
  k: number,
  at: LayerPlacement,
  place: Placement,
): Visits {
  const { devices, nodes } = place;
  const perNode = devices / nodes;
  const slots = counts.reduce((sum, c) => sum + c, 0);
  const odds = counts.map((c) => {
    const p = Math.min(c / tokens, 1 - 1e-6);
    return p / (1 - p);
  });
  // No token draws more experts than there are with slots left.
  const draws = Math.min(k, odds.filter((o) => o > 0).length);
  const kept = draws > 0 ? slots / (tokens * draws) : 0;
  const copies = copiesOf(at);
  // [D, E]: of an expert's tokens, the share that goes to the device.
  const held = Array.from({ length: devices }, () => new Float64Array(at.experts));
  const slotsAt = new Float64Array(devices);
  at.expert.forEach((e, slot) => {
    const device = at.device[slot]!;
    held[device]![e]! += 1 / copies[e]!;
    slotsAt[device]! += counts[e]! / copies[e]! / tokens;
  });
  const all = symmetric(odds, draws);
  const visit = (share: Float64Array): number =>
    kept *
    (1 -
      symmetric(
        odds.map((o, e) => o * (1 - share[e]!)),
        draws,
      ) /
        all);
  const tokensAt = Float64Array.from(held, visit);
  const inNode = Array.from({ length: nodes }, (_, n) =>
    odds.map((_, e) =>
      Math.min(
        1,
        held.slice(n * perNode, (n + 1) * perNode).reduce((sum, h) => sum + h[e]!, 0),
      ),
    ),
  );
  return {
    slots: slots / tokens,
    devices: tokensAt.reduce((sum, p) => sum + p, 0),
    nodes: inNode.reduce((sum, share) => sum + visit(share), 0),
    tokensAt,
    slotsAt,
  };
}

/** Elementary symmetric polynomial of degree k of the values. */
function symmetric(values: Float64Array, k: number): number {
  const e = new Float64Array(k + 1);
  e[0] = 1;
  for (const value of values) for (let j = k; j > 0; j--) e[j]! += value * e[j - 1]!;
  return e[k]!;
}

/** Devices of each expert's copies, one expert behind the other; those of e begin at from[e]. */
function homesOf(at: LayerPlacement): { readonly from: Uint32Array; readonly where: Uint16Array } {
  const from = new Uint32Array(at.experts + 1);
  for (const e of at.expert) from[e + 1]! += 1;
  for (let e = 0; e < at.experts; e++) from[e + 1]! += from[e]!;
  const where = new Uint16Array(at.expert.length);
  const next = from.slice();
  at.expert.forEach((e, slot) => {
    where[next[e]!++] = at.device[slot]!;
  });
  return { from, where };
}
