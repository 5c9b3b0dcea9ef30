import * as l10n from '@vscode/l10n';
import { layerLabel } from '../analysis/labels.ts';
import { loadFigures } from '../analysis/load.ts';
import { expertColor, magnitudeColor, type ThemeKind } from '../analysis/palette.ts';
import { tintMax } from '../analysis/tint.ts';
import type { LayerShape } from '../protocol/trace.ts';
import type { LayerLoad, PaletteName, Tint } from '../protocol/webview.ts';

/** Experts that the legend shows: those that take most. */
const LEGEND_EXPERTS = 8;
const LEGEND_STEPS = 8;

/** `E10 17.8 %`; undefined before anything is routed. */
export function hottestText(load: LayerLoad): string | undefined {
  const { hottest, shares } = loadFigures(load.counts);
  const share = shares[hottest]!;
  return Number.isNaN(share) ? undefined : `E${hottest} ${percent(share)}`;
}

export const TINT_LABELS: Readonly<Record<Tint, { readonly label: string; readonly description: string }>> = {
  expert: { label: l10n.t`Top expert`, description: l10n.t`which expert weighs most` },
  entropy: { label: l10n.t`Entropy`, description: l10n.t`how evenly the router spreads its probability` },
  margin: {
    label: l10n.t`Margin`,
    description: l10n.t`how far the last chosen expert is ahead of the first not chosen`,
  },
  load: { label: l10n.t`Load`, description: l10n.t`how busy the chosen experts are, against the even share` },
  surprise: { label: l10n.t`Surprise`, description: l10n.t`how unlikely the model found the token` },
  dropped: { label: l10n.t`Dropped`, description: l10n.t`how many of its slots a capacity limit drops` },
};

/** From nothing to the most that has a colour of its own. */
const MAGNITUDE_SCALES: Readonly<Record<Exclude<Tint, 'expert'>, (colors: string, max: string) => string>> = {
  entropy: (colors, max) => l10n.t`0 ${colors} ${max} nats and above`,
  margin: (colors, max) => l10n.t`0 ${colors} ${max} and above`,
  load: (colors, max) => l10n.t`0 ${colors} ${max}× the even share and above`,
  surprise: (colors, max) => l10n.t`0 ${colors} ${max} nats and above`,
  dropped: (colors, max) => l10n.t`0 ${colors} ${max} of its slots and above`,
};

/** What the colours mean, as Markdown with the HTML that VS Code lets through. */
export function legendMarkdown(
  tint: Tint,
  load: LayerLoad,
  vocabulary: number,
  palette: PaletteName,
  theme: ThemeKind,
): string {
  const title = l10n.t`Tint: ${TINT_LABELS[tint].label.toLowerCase()} at ${layerLabel(load)}`;
  if (tint !== 'expert') {
    return `${title} (${TINT_LABELS[tint].description})\n\n${magnitudeLegend(tint, load, vocabulary, theme)}`;
  }
  return hottestText(load) === undefined ? title : `${title}\n\n${expertLegend(load, palette, theme)}`;
}

function expertLegend({ counts }: LayerLoad, palette: PaletteName, theme: ThemeKind): string {
  const { shares } = loadFigures(counts);
  const byShare = [...shares.keys()].sort((a, b) => shares[b]! - shares[a]! || a - b);
  const shown = byShare.slice(0, LEGEND_EXPERTS).map((expert) => {
    const color = expertColor(expert, palette, theme);
    return `<span style="color:${color};">■</span> E${expert} ${percent(shares[expert]!)}`;
  });
  const list = shown.join(' &nbsp; ');
  const others = counts.length - shown.length;
  return others > 0 ? l10n.t`${list} &nbsp; and ${others} more` : list;
}

function magnitudeLegend(
  tint: Exclude<Tint, 'expert'>,
  layer: Pick<LayerShape, 'experts' | 'k'>,
  vocabulary: number,
  theme: ThemeKind,
): string {
  const steps = Array.from({ length: LEGEND_STEPS }, (_, i) => magnitudeColor((i + 0.5) / LEGEND_STEPS, theme));
  const colors = steps.map((color) => `<span style="color:${color};">■</span>`).join('');
  return MAGNITUDE_SCALES[tint](colors, tintMax(tint, layer, vocabulary).toFixed(2));
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
