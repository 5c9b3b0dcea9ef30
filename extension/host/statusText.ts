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

const MAGNITUDE_UNITS: Readonly<Record<Exclude<Tint, 'expert'>, string>> = {
  entropy: ' nats',
  margin: '',
  load: '× the even share',
  surprise: ' nats',
  dropped: ' of its slots',
};

/** What the colours mean, as Markdown with the HTML that VS Code lets through. */
export function legendMarkdown(
  tint: Tint,
  load: LayerLoad,
  vocabulary: number,
  palette: PaletteName,
  theme: ThemeKind,
): string {
  const title = `Tint: ${TINT_LABELS[tint].label.toLowerCase()} at ${layerLabel(load)}`;
  return tint === 'expert'
    ? `${title}\n\n${expertLegend(load, palette, theme)}`
    : `${title} (${TINT_LABELS[tint].description})\n\n${magnitudeLegend(tint, load, vocabulary, theme)}`;
}

function expertLegend({ counts }: LayerLoad, palette: PaletteName, theme: ThemeKind): string {
  const { shares } = loadFigures(counts);
  const byShare = [...shares.keys()].sort((a, b) => shares[b]! - shares[a]! || a - b);
  const shown = byShare.slice(0, LEGEND_EXPERTS).map((expert) => {
    const color = expertColor(expert, palette, theme);
    return `<span style="color:${color};">■</span> E${expert} ${percent(shares[expert]!)}`;
  });
  const others = counts.length - shown.length;
  return shown.join(' &nbsp; ') + (others > 0 ? ` &nbsp; and ${others} more` : '');
}

function magnitudeLegend(
  tint: Exclude<Tint, 'expert'>,
  layer: Pick<LayerShape, 'experts' | 'k'>,
  vocabulary: number,
  theme: ThemeKind,
): string {
  const steps = Array.from({ length: LEGEND_STEPS }, (_, i) => magnitudeColor((i + 0.5) / LEGEND_STEPS, theme));
  const scale = steps.map((color) => `<span style="color:${color};">■</span>`).join('');
  const max = tintMax(tint, layer, vocabulary);
  const unit = MAGNITUDE_UNITS[tint];
  return `0 ${scale} ${max.toFixed(2)}${unit} and above`;
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
