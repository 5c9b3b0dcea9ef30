/** The figures of one layer's load: each a label, a number, its yardstick, and on demand what it means. */
import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import { classMap } from 'lit/directives/class-map.js';
import { coldPercent, coldShare, type LoadFigures } from '../../extension/analysis/load.ts';
import { fixed, percent, times } from '../../extension/analysis/numbers.ts';
import type { Help } from '../../extension/protocol/report.ts';
import type { LayerLoad } from '../../extension/protocol/webview.ts';
import { helpButton, type HelpState } from '../parts/helpButton.ts';
import { helpText } from '../report/help.ts';
import type { Colors } from '../theme.ts';

interface Figure {
  readonly label: string;
  readonly value: string;
  readonly yardstick: string;
  readonly help: Help;
  /** Expert the figure is about: its colour stands before the value. */
  readonly expert?: number;
}

export function figures(load: LayerLoad, f: LoadFigures, colors: Colors, helped: HelpState): TemplateResult {
  return html`<dl class="figures">${figuresOf(load, f).map((figure, i) => tile(figure, i, colors, helped))}</dl>`;
}

function tile(
  { label, value, yardstick, help, expert }: Figure,
  place: number,
  colors: Colors,
  helped: HelpState,
): TemplateResult {
  const swatch =
    expert === undefined
      ? nothing
      : html`<span class="swatch" .style=${`background: ${colors.expert(expert).fill}`}></span>`;
  const id = `figure-${place}`;
  const open = helped.isOpen(id);
  return html`<div class=${classMap({ open })} title=${help.meaning}>
    <dt>${label} ${helpButton(id, label, helped)}</dt>
    <dd class="figure">${swatch}<b>${value}</b> <span>${yardstick}</span></dd>
    ${open ? html`<dd class="help" id="help-${id}">${helpText(help)}</dd>` : nothing}
  </div>`;
}

export function figuresOf(load: LayerLoad, f: LoadFigures): readonly Figure[] {
  const { experts } = load;
  const extreme = (label: string, expert: number, meaning: string): Figure => {
    const share = f.shares[expert]!;
    const known = !Number.isNaN(share);
    return {
      label,
      value: known ? `E${expert} ${percent(share)}` : '–',
      yardstick: known ? l10n.t`${times(share * experts)} even` : '',
      help: {
        meaning,
        formula: l10n.t`share = c_e / Σc, with c_e the (token, choice) slots of expert e; even: 1/E`,
        judge: l10n.t`1.0× is even. Where experts run in parallel, all wait for the hottest.`,
      },
      ...(known ? { expert } : {}),
    };
  };
  return [
    extreme(
      l10n.t`Hottest`,
      f.hottest,
      l10n.t`The expert with the largest share of the layer’s slots, and that share over the even one.`,
    ),
    extreme(
      l10n.t`Coldest`,
      f.coldest,
      l10n.t`The expert with the smallest share of the layer’s slots, and that share over the even one.`,
    ),
    {
      label: l10n.t`Under ${coldPercent(coldShare(experts))}\u202f%`,
      value: fixed(f.coldFraction * experts, 0),
      yardstick: l10n.t`of ${experts} experts`,
      help: {
        meaning: l10n.t`Experts whose share of slots is under 5 %; in layers of more than 16 experts, under 0.8 of the even share.`,
        judge: l10n.t`Experts that few tokens go to are memory that does little. With an even load there are none.`,
      },
    },
    {
      label: l10n.t`Effective experts`,
      value: fixed(f.effectiveExperts, 1),
      yardstick: l10n.t`of ${experts}`,
      help: {
        meaning: l10n.t`The load is spread as if so many experts shared it evenly.`,
        formula: l10n.t`exp(−Σ s_e ln s_e), with s_e the load shares`,
        judge: l10n.t`All experts when even, 1 when one takes everything.`,
      },
    },
    {
      label: 'MaxVio',
      value: fixed(f.maxVio, 2),
      yardstick: l10n.t`0 is even`,
      help: {
        meaning: l10n.t`How far the hottest expert is over the mean load.`,
        formula: 'max c / mean c − 1',
        source: 'arXiv 2408.15664',
        judge: l10n.t`0 is even; at 1 the hottest expert takes twice the mean.`,
      },
    },
    {
      label: l10n.t`Mean entropy`,
      value: fixed(load.meanEntropy, 2),
      yardstick: Number.isNaN(load.meanEntropy) ? '' : l10n.t`of ${fixed(Math.log(experts), 2)} nats`,
      help: {
        meaning: l10n.t`How undecided the router is, as a mean over tokens.`,
        formula: l10n.t`−Σ p ln p over all experts of the layer, in nats`,
        judge: l10n.t`0: it is sure of one expert. ln E: it has no preference.`,
      },
    },
  ];
}
