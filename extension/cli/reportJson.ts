/** The report as JSON, `moescope-report` version 1, as the README documents it. JSON has no NaN: it is null. */
import { isCommonFactor, type CapacityFigures } from '../analysis/capacity.ts';
import { balance, meanBalance } from '../analysis/balance.ts';
import { coldShare } from '../analysis/load.ts';
import type { LayerLoad, LoadReport } from '../analysis/loadReport.ts';
import type { RecordedCounts } from '../protocol/recording.ts';
import type { LayerShape } from '../protocol/trace.ts';

const FORMAT = 'moescope-report';
const VERSION = 1;

type CountedLoad = Pick<LayerLoad, 'counts' | 'coldShare' | 'balance'> & {
  readonly layer: LayerShape;
  readonly sureness?: LayerLoad['sureness'];
};

export function reportJson({ trace, load, mean, sureness, losses, capacity }: LoadReport): string {
  const { layers, origin, routed, tokens } = trace;
  const { name, architecture, precision, provider } = origin.model;
  const report = {
    format: FORMAT,
    version: VERSION,
    model: { name, architecture },
    precision,
    provider,
    source: origin.source,
    tokens: tokens.ids.length,
    routed,
    load: { layers: load.map(loadJson), mean, ...sureness },
    losses: {
      layers: losses.layers.map((of, i) => ({ ...shape(layers[i]!), ...of })),
      mean: losses.mean,
      huggingFace: losses.huggingFace,
    },
    capacity: {
      basis: 'counted',
      points: capacity.map((point) => ({
        factor: point.factor,
        common: isCommonFactor(point.factor),
        layers: point.layers.map((of, i) => ({
          ...shape(layers[i]!),
          capacity: of.capacity,
          ...capacityJson(of),
        })),
        total: capacityJson(point.total),
      })),
    },
  };
  return `${JSON.stringify(report)}\n`;
}

/** Recorded counts in the same form: what they do not tell is null. */
export function countsJson({ name, model, loads }: RecordedCounts): string {
  const layers = loads.map((load) => {
    const cold = coldShare(load.shape.experts);
    return { layer: load.shape, counts: load.counts, coldShare: cold, balance: balance(load.counts, cold) };
  });
  const report = {
    format: FORMAT,
    version: VERSION,
    model: { name: name === '' ? model.name : name, architecture: model.architecture },
    precision: model.precision,
    provider: model.provider,
    source: 'recorded',
    tokens: null,
    routed: null,
    load: { layers: layers.map(loadJson), mean: meanBalance(layers.map((l) => l.balance)) },
    losses: null,
    capacity: null,
  };
  return `${JSON.stringify(report)}\n`;
}

function shape({ layer, stack, experts, k }: LayerShape): object {
  return { layer, ...(stack ? { stack } : {}), experts, k };
}

function loadJson({ layer, counts, coldShare: cold, balance: b, sureness }: CountedLoad): object {
  return {
    ...shape(layer),
    counts: Array.from(counts),
    ...b,
    shares: Array.from(b.shares),
    utilisation: Array.from(b.utilisation),
    coldShare: cold,
    ...sureness,
  };
}

function capacityJson({ slots, room, dropped, padding, weight, lostWeight, rerouted }: CapacityFigures): object {
  return { slots, room, dropped, padding, weight, lostWeight, rerouted: rerouted ?? null };
}
