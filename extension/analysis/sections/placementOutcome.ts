import { overload, sglangBalancedness, vllmBalancedness } from '../deviceBalance.ts';
import { combineBytes, dispatchBytes, exchangeSeconds, transfers, type Sending, type Transfers } from '../exchange.ts';
import { deviceLoads, wastedSlots, type LayerPlacement, type Placement } from '../placement.ts';
import { plan, type Policy } from '../placementPlan.ts';
import { countVisits, expectVisits, type Visits } from '../traffic.ts';
import { tokensSeen } from './parts.ts';
import type { PlacementChoices } from './placementControls.ts';
import type { Subject } from './subject.ts';

/** What a placement makes of a subject's routing. */
export interface Outcome {
  readonly policy: Policy;
  readonly placement: Placement;
  /** Slots of each device, by MoE layer. */
  readonly loads: readonly Float64Array[];
  /** By MoE layer; NaN where nothing was routed. */
  readonly overload: readonly number[];
  readonly meanOverload: number;
  readonly worstOverload: number;
  /** The MoE layer where it is worst, by position. */
  readonly worst: number;
  readonly sglang: number;
  readonly vllm: number;
  /** Slots of all layers that hold a second copy of what their device has. */
  readonly wasted: number;
  /** By MoE layer, without those where nothing was routed. */
  readonly visits: readonly Visits[];
  /** Seconds of a pass: what the transfers take, and what latencies and crossing nodes add. */
  readonly seconds: { readonly transfer: number; readonly latency: number; readonly crossing: number };
}

export function outcomeOf(subject: Subject, choices: PlacementChoices, policy: Policy): Outcome {
  const placement = plan(
    choices.told.map(({ counts }) => counts),
    policy,
    choices.machine,
  );
  const { devices, nodes, layers } = placement;
  const loads = layers.map((layer, i) => deviceLoads(layer, subject.loads[i]!.counts, devices));
  const overloads = loads.map(overload);
  const known = overloads.filter((o) => !Number.isNaN(o));
  const worstOverload = Math.max(...known);
  const { trace } = subject;
  const tokens = tokensSeen(subject);
  const visitsOf = (layer: LayerPlacement, i: number): Visits => {
    const { shape, counts } = subject.loads[i]!;
    return trace
      ? countVisits(trace.layers[i]!, trace.routed, layer, placement)
      : expectVisits(counts, tokens[i]!, shape.k, layer, placement);
  };
  const visits = layers.map(visitsOf).filter(({ slots }) => !Number.isNaN(slots));
  const { hiddenSize } = subject.model;
  const bytes = { dispatch: dispatchBytes(hiddenSize, choices.format), combine: combineBytes(hiddenSize) };
  const seconds = (latencies: number): number =>
    visits.reduce((sum, v) => {
      const { within, across, latencyWithin, latencyAcross } = choices.links;
      const links = {
        within,
        across,
        latencyWithin: latencies * latencyWithin,
        latencyAcross: latencies * latencyAcross,
      };
      return sum + exchangeSeconds(v, placement, choices.sending, choices.batch, bytes, links);
    }, 0);
  const transfer = seconds(0);
  return {
    policy,
    placement,
    loads,
    overload: overloads,
    meanOverload: known.reduce((sum, o) => sum + o, 0) / known.length,
    worstOverload,
    worst: Math.max(0, overloads.indexOf(worstOverload)),
    sglang: sglangBalancedness(loads),
    vllm: vllmBalancedness(loads),
    wasted: layers.reduce((sum, layer) => sum + wastedSlots(layer), 0),
    visits,
    seconds: { transfer, latency: seconds(1) - transfer, crossing: nodes > 1 ? choices.crossing : 0 },
  };
}

/** Transfers of a token there, over all layers. */
export function allTransfers({ visits, placement }: Outcome, sending: Sending): Transfers {
  const each = visits.map((v) => transfers(v, placement, sending));
  return {
    within: each.reduce((sum, t) => sum + t.within, 0),
    across: each.reduce((sum, t) => sum + t.across, 0),
  };
}
