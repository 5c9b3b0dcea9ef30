/** The report as JSON, `moescope-report` version 2, as the README documents it. JSON has no NaN: it is null. */
import { REPORT_VERSION, type Figure, type Section } from '../../protocol/report.ts';
import type { LayerShape } from '../../protocol/trace.ts';
import { balance, meanBalance } from '../balance.ts';
import { isCommonFactor, type CapacityFigures } from '../capacity.ts';
import { coldShare } from '../load.ts';
import { loadReport, type LoadReport } from '../loadReport.ts';
import type { Report } from './report.ts';

const FORMAT = 'moescope-report';

/** One figure: what the whole report's JSON has of it. */
export function figureJson(figure: Figure): string {
  return `${JSON.stringify(figure, undefined, 1)}\n`;
}

/** One line. What only a trace tells is null where there is none. */
export function reportJson({ subject, sections, by }: Report): string {
  const { name, model, source, domains, trace, loads } = subject;
  const made = trace && loadReport(trace);
  const layers = loads.map(({ shape, counts }, i) => {
    const cold = coldShare(shape.experts);
    return loadJson(shape, counts, cold, made?.load[i]?.sureness);
  });
  const mean = meanBalance(loads.map(({ shape, counts }) => balance(counts, coldShare(shape.experts))));
  const report = {
    format: FORMAT,
    version: REPORT_VERSION,
    ...by,
    name,
    model: { name: model.name, architecture: model.architecture },
    precision: model.precision,
    provider: model.provider,
    source,
    ...(domains ? { kinds: domains.map((domain) => domain.name) } : {}),
    tokens: trace?.tokens.ids.length ?? null,
    routed: trace?.routed ?? null,
    load: { layers, mean, ...(made?.sureness ?? UNSURE) },
    losses: made ? lossesJson(made) : null,
    capacity: made ? capacityJson(made) : null,
    sections: sections.map(sectionJson),
  };
  return `${JSON.stringify(report)}\n`;
}

/** Entropy and margin, where nobody tells of tokens. */
const UNSURE = { entropy: null, margin: null };

/** Every key of a section. */
export function sectionJson({ id, title, verdict, lacking, controls, figures }: Section): object {
  return { id, title, verdict: verdict ?? null, lacking: lacking ?? null, controls, figures };
}

function shapeJson({ layer, stack, experts, k, kUnknown }: LayerShape): object {
  return { layer, ...(stack ? { stack } : {}), experts, k: kUnknown ? null : k };
}

function loadJson(
  shape: LayerShape,
  counts: Float64Array,
  cold: number,
  sureness: LoadReport['sureness'] | undefined,
): object {
  const judged = balance(counts, cold);
  return {
    ...shapeJson(shape),
    counts: Array.from(counts),
    ...judged,
    shares: Array.from(judged.shares),
    utilisation: Array.from(judged.utilisation),
    coldShare: cold,
    ...(sureness ?? UNSURE),
  };
}

function lossesJson({ trace, losses }: LoadReport): object {
  return {
    layers: losses.layers.map((of, i) => ({ ...shapeJson(trace.layers[i]!), ...of })),
    mean: losses.mean,
    huggingFace: losses.huggingFace,
  };
}

function capacityJson({ trace, capacity }: LoadReport): object {
  return {
    basis: 'counted',
    points: capacity.map((point) => ({
      factor: point.factor,
      common: isCommonFactor(point.factor),
      layers: point.layers.map((of, i) => ({
        ...shapeJson(trace.layers[i]!),
        capacity: of.capacity,
        ...pointJson(of),
      })),
      total: pointJson(point.total),
    })),
  };
}

function pointJson({ slots, room, dropped, padding, weight, lostWeight, rerouted }: CapacityFigures): object {
  return { slots, room, dropped, padding, weight, lostWeight, rerouted: rerouted ?? null };
}
