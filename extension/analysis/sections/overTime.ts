/** Does the load stay as it is while a server works? */
import * as l10n from '@vscode/l10n';
import type { Column, Figure } from '../../protocol/report.ts';
import type { LayerCounts } from '../../protocol/trace.ts';
import { balance } from '../balance.ts';
import { layerLabel } from '../labels.ts';
import { listed } from '../lists.ts';
import { count, percent } from '../numbers.ts';
import type { SectionKind } from './kind.ts';
import { heatMap, known, layerChoice } from './parts.ts';
import type { Subject } from './subject.ts';

/** Points of a curve: a recording of thousands of forward passes is put together into as many stretches. */
const MAX_STRETCHES = 60;

/** Counts of some successive steps. */
interface Stretch {
  /** Steps [from, to). */
  readonly from: number;
  readonly to: number;
  /** By layer; [E] each. */
  readonly counts: readonly Float64Array[];
}

export const overTimeSection: SectionKind = {
  id: 'over-time',
  title: l10n.t`Load over time`,
  make: ({ loads, steps }, set) => {
    const number = steps ? steps[0]!.length / loads[0]!.shape.experts : 0;
    if (!steps || number < 2) {
      return {
        lacking: l10n.t`Load over time takes a recording in steps: Record a Server’s Load… has SGLang make one (modes stat and per_pass).`,
        controls: [],
        figures: [],
      };
    }
    const layer = layerChoice(
      set,
      loads.map(({ shape }) => shape),
    );
    const at = Number(layer.value);
    const stretches = stretchesOf(steps, number);
    return {
      verdict: verdict(loads[at]!, stretches, at),
      controls: [layer],
      figures: [maxVioFigure(loads, stretches, at), heatFigure(loads[at]!, stretches, at)],
    };
  },
};

function stretchesOf(steps: NonNullable<Subject['steps']>, number: number): Stretch[] {
  const stretches = Math.min(MAX_STRETCHES, number);
  return Array.from({ length: stretches }, (_, i) => {
    const from = Math.floor((i * number) / stretches);
    const to = Math.floor(((i + 1) * number) / stretches);
    const counts = steps.map((layer) => {
      const experts = layer.length / number;
      const sum = new Float64Array(experts);
      for (let at = from * experts; at < to * experts; at++) sum[at % experts]! += layer[at]!;
      return sum;
    });
    return { from, to, counts };
  });
}

function verdict({ shape }: LayerCounts, stretches: readonly Stretch[], at: number): string {
  const balances = stretches.map(({ counts }) => balance(counts[at]!));
  const hottest = new Set(balances.filter(({ maxVio }) => !Number.isNaN(maxVio)).map((b) => b.hottest));
  const shares = balances.map((b) => b.shares[b.hottest]!).filter((share) => !Number.isNaN(share));
  if (shares.length === 0) return l10n.t`${layerLabel(shape)} routed nothing.`;
  const [where, least, most] = [layerLabel(shape), percent(Math.min(...shares)), percent(Math.max(...shares))];
  const named = [...hottest].slice(0, 4).map((e) => `E${e}`);
  if (named.length === 1) {
    return l10n.t`At ${where} the hottest expert takes ${least} to ${most} of the load of a stretch, and is ${named[0]!} throughout.`;
  }
  const more = hottest.size - named.length;
  const who = more > 0 ? l10n.t`${listed(named)} and ${more} more` : listed(named);
  return l10n.t`At ${where} the hottest expert takes ${least} to ${most} of the load of a stretch, and changes: ${who}.`;
}

function nameOf({ from, to }: Stretch): string {
  return to - from === 1 ? String(from) : `${from}–${to - 1}`;
}

function maxVioFigure(loads: readonly LayerCounts[], stretches: readonly Stretch[], at: number): Figure {
  const x = stretches.map(({ from }) => from);
  const byLayer = loads.map((_, l) => stretches.map(({ counts }) => known(balance(counts[l]!).maxVio)));
  const chosen = byLayer[at]!;
  const values = chosen.filter((value) => value !== null);
  return {
    id: 'over-time-maxvio',
    title: l10n.t`Imbalance over time`,
    basis: 'recorded',
    help: {
      meaning: l10n.t`How far the hottest expert is above the mean load, stretch by stretch of the recording.`,
      formula: l10n.t`MaxVio = max c / mean c − 1, over the slots of a stretch`,
      source: 'arXiv 2408.15664',
      judge: l10n.t`A short stretch is less even than a long one of the same traffic, by chance alone. A rise that stays is a change of the traffic.`,
    },
    text:
      values.length === 0
        ? l10n.t`${layerLabel(loads[at]!.shape)} routed nothing.`
        : l10n.t`MaxVio of ${layerLabel(loads[at]!.shape)} over ${count(stretches.length)} stretches, from ${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}.`,
    chart: {
      kind: 'lines',
      x: { label: l10n.t`step`, unit: 'count' },
      y: { label: 'MaxVio', unit: 'number', min: 0 },
      series: [
        ...loads.flatMap(({ shape }, l) =>
          l === at ? [] : [{ label: layerLabel(shape), x, y: byLayer[l]!, faint: true }],
        ),
        { label: layerLabel(loads[at]!.shape), x, y: chosen },
      ],
    },
    table: {
      columns: [
        { label: l10n.t`steps`, unit: 'text' },
        ...loads.map(({ shape }): Column => ({ label: layerLabel(shape), unit: 'number' })),
      ],
      rows: stretches.map((stretch, i) => [nameOf(stretch), ...byLayer.map((values) => values[i]!)]),
    },
  };
}

function heatFigure({ shape }: LayerCounts, stretches: readonly Stretch[], at: number): Figure {
  const experts = Array.from({ length: shape.experts }, (_, e) => `E${e}`);
  const names = stretches.map(nameOf);
  const values = stretches.flatMap(({ counts }) => {
    const { utilisation } = balance(counts[at]!);
    return experts.map((_, e) => known(utilisation[e]));
  });
  return {
    id: 'over-time-load',
    title: l10n.t`Load of each expert over time, ${layerLabel(shape)}`,
    basis: 'recorded',
    help: {
      meaning: l10n.t`Each expert in each stretch of the recording, by how many times the even load it took.`,
      formula: l10n.t`utilisation = c_e / (Σc / E)`,
      judge: l10n.t`A placement that was made for one stretch serves another only where the columns stay alike.`,
    },
    text: l10n.t`Load of ${experts.length} experts at ${layerLabel(shape)} over ${count(stretches.length)} stretches, as a multiple of the even one.`,
    ...heatMap({
      rows: { label: l10n.t`steps`, names },
      columns: { label: l10n.t`expert`, names: experts },
      values,
      unit: 'times',
      scale: 'sequential',
      min: 0,
      max: 3,
    }),
  };
}
