/** The figures of one layer's load: each a label, a number, its yardstick, and on demand what it means. */
import { html, nothing, type TemplateResult } from 'lit';
import { coldShare, type LoadFigures } from '../../extension/analysis/load.ts';
import type { LayerLoad } from '../../extension/protocol/webview.ts';
import { fixed, percent, times } from '../../extension/analysis/numbers.ts';
import type { Colors } from '../theme.ts';

interface Figure {
  readonly label: string;
  readonly value: string;
  readonly yardstick: string;
  readonly meaning: string;
  /** Expert the figure is about: its colour stands before the value. */
  readonly expert?: number;
}

export function figures(load: LayerLoad, f: LoadFigures, colors: Colors): TemplateResult {
  return html`<dl class="figures">${figuresOf(load, f).map((figure) => tile(figure, colors))}</dl>`;
}

function tile({ label, value, yardstick, meaning, expert }: Figure, colors: Colors): TemplateResult {
  const swatch =
    expert === undefined
      ? nothing
      : html`<span class="swatch" .style=${`background: ${colors.expert(expert).fill}`}></span>`;
  return html`<div title=${meaning}>
    <dt>${label}<span class="screen-reader">: ${meaning}</span></dt>
    <dd>${swatch}<b>${value}</b> <span>${yardstick}</span></dd>
  </div>`;
}

export function figuresOf(load: LayerLoad, f: LoadFigures): readonly Figure[] {
  const { experts } = load;
  const threshold = coldShare(experts);
  const extreme = (label: string, expert: number, which: string): Figure => {
    const share = f.shares[expert]!;
    const known = !Number.isNaN(share);
    return {
      label,
      value: known ? `E${expert} ${percent(share)}` : '–',
      yardstick: known ? `${times(share * experts)} even` : '',
      meaning: `Expert with the ${which} share of the layer’s slots, c / Σc, and that share over the even share 1/E.`,
      ...(known ? { expert } : {}),
    };
  };
  return [
    extreme('Hottest', f.hottest, 'largest'),
    extreme('Coldest', f.coldest, 'smallest'),
    {
      label: `Under ${Number((100 * threshold).toFixed(1))}\u202f%`,
      value: fixed(f.coldFraction * experts, 0),
      yardstick: `of ${experts} experts`,
      meaning:
        'Experts whose share of slots is under 5 %; in layers of more than 16 experts, under 0.8 of the even share.',
    },
    {
      label: 'Effective experts',
      value: fixed(f.effectiveExperts, 1),
      yardstick: `of ${experts}`,
      meaning: 'As many evenly loaded experts would be as diverse: exp of the entropy of the load shares.',
    },
    {
      label: 'MaxVio',
      value: fixed(f.maxVio, 2),
      yardstick: '0 is even',
      meaning: 'How far the hottest expert is over the mean load: max c / mean c − 1 (arXiv 2408.15664).',
    },
    {
      label: 'Mean entropy',
      value: fixed(load.meanEntropy, 2),
      yardstick: `of ${fixed(Math.log(experts), 2)} nats`,
      meaning: 'How undecided the router is: −Σ p ln p over all experts, mean over tokens; ln E is no preference.',
    },
  ];
}
