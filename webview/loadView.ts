/** The load view's page. */
import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import { guard } from 'lit/directives/guard.js';
import { layerLabel, tokenCount } from '../extension/analysis/labels.ts';
import { precisionText, providerText } from '../extension/analysis/ranText.ts';
import { candidateShape } from '../extension/analysis/routerText.ts';
import { coldShare, loadFigures, type LoadFigures } from '../extension/analysis/load.ts';
import { LOAD_RATIO_MAX, loadRatios } from '../extension/analysis/tint.ts';
import type { Help } from '../extension/protocol/report.ts';
import type { ExpertRef, ModelInfo } from '../extension/protocol/trace.ts';
import type {
  LayerLoad,
  Tint,
  TokenLayer,
  ViewCommand,
  ViewState,
  WrittenText,
} from '../extension/protocol/webview.ts';
import { depthLine } from './charts/depthLine.ts';
import { figures } from './charts/figures.ts';
import './charts/heatMap.ts';
import './charts/loadBars.ts';
import { count, fixed, percent, times } from '../extension/analysis/numbers.ts';
import { layerChoice, tintChoice } from './parts/choices.ts';
import { legend, ramp } from './parts/legend.ts';
import type { ExpertActions } from './parts/lightElement.ts';
import { helpButton, type HelpState } from './parts/helpButton.ts';
import { empty, notices } from './parts/notices.ts';
import { visibleText } from '../extension/analysis/tokenText.ts';
import { writtenSummary, writtenTokens } from './parts/written.ts';
import { helpText } from './report/help.ts';
import type { Colors, Theme } from './theme.ts';

export interface CursorToken {
  readonly text: string;
  readonly layers: readonly TokenLayer[];
}

export interface LoadModel {
  readonly state: ViewState;
  readonly layers: readonly LayerLoad[];
  readonly cursor: CursorToken | undefined;
  /** What the model wrote on from the cursor last. */
  readonly written: WrittenText | undefined;
  /** Expert under the pointer or the keyboard's focus. */
  readonly pointed: ExpertRef | undefined;
  readonly folded: readonly string[];
  /** Figures whose explanation is open. */
  readonly helped: readonly string[];
  readonly theme: Theme;
  readonly colors: Colors;
}

export interface LoadActions {
  readonly run: (command: ViewCommand) => void;
  readonly chooseLayer: (layer: number) => void;
  readonly chooseTint: (tint: Tint) => void;
  readonly fold: (section: string, fold: boolean) => void;
  readonly help: (figure: string, open: boolean) => void;
  readonly experts: ExpertActions;
}

export function loadView(view: LoadModel, actions: LoadActions): TemplateResult {
  const { state } = view;
  const { model } = state;
  if (!model || state.document === undefined) {
    return html`${notices(state, actions.run)}${written(view, actions)}${state.running ? nothing : empty(actions.run)}`;
  }
  const layer = view.layers[state.layer];
  const shape = model.moeLayers[state.layer];
  return html`
    ${notices(state, actions.run)} ${header(model, state, actions)}
    <div class="choices">
      ${layerChoice(model.moeLayers, state.layer, actions.chooseLayer)} ${tintChoice(state.tint, actions.chooseTint)}
      <div class="views">
        <vscode-button
          appearance="secondary"
          title=${l10n.t`Every token at every layer`}
          @click=${() => {
            actions.run('openMap');
          }}
          >${l10n.t`Map`}</vscode-button
        >
        <vscode-button
          appearance="secondary"
          title=${l10n.t`What the load says: balance, capacity, cost, placement`}
          @click=${() => {
            actions.run('openReport');
          }}
          >${l10n.t`Report`}</vscode-button
        >
        <vscode-button
          appearance="secondary"
          class="wide"
          title=${l10n.t`This text under both bundled models, trained with and without a load-balancing loss`}
          @click=${() => {
            actions.run('compareBundled');
          }}
          >${l10n.t`Compare Bundled Models`}</vscode-button
        >
      </div>
    </div>
    ${shape ? legend(state.tint, shape, model, view.theme.kind, helpState(view, actions)) : nothing}
    ${written(view, actions)} ${layer ? charts(view, layer, actions) : nothing}
  `;
}

function written(view: LoadModel, actions: LoadActions): TemplateResult | typeof nothing {
  const { written: text, state, colors, theme } = view;
  if (!text || (text.done && text.tokens.length === 0)) return nothing;
  // Nothing that is told of the cursor or the pointer changes as much as a thousand tokens.
  const tokens = guard([text, state.layer, state.palette, theme], () => writtenTokens(text, state.layer, colors));
  const isElsewhere = text.document !== state.document;
  const isAnothers = text.model !== '' && text.model !== state.model?.name;
  const body = html`
    ${isElsewhere ? html`<p class="dim">${l10n.t`Written in ${text.document}.`}</p>` : nothing}
    ${isAnothers ? html`<p class="dim">${l10n.t`Written by ${text.model}.`}</p>` : nothing} ${tokens}
  `;
  return section(view, actions, 'written', l10n.t`Continuation`, WRITTEN_HELP, writtenSummary(text), body);
}

/** Text that breaks between its parts before it breaks within one, as at the hyphen of top-2. */
function whole(text: string): TemplateResult[] {
  const parts = text.replaceAll(' · ', '\u00a0· ').split(/(?<=· |, |，)/u);
  return parts.map((part) => html`<span class="whole">${part.trimEnd()}</span>${part.endsWith(' ') ? ' ' : ''}`);
}

function header(model: ModelInfo, state: ViewState, actions: LoadActions): TemplateResult {
  const shape = model.moeLayers.length > 0 ? [candidateShape({ layers: model.moeLayers })] : [];
  return html`<header>
    <div class="about">
      <h1>
        <span class="document" title=${state.document ?? ''}>${state.document ?? ''}</span>
        <span class="tokens">· ${tokenCount(state.tokens)}</span>
      </h1>
      <p>
        <button
          class="model"
          title=${l10n.t`Choose another model`}
          @click=${() => {
            actions.run('chooseModel');
          }}
        >
          ${model.name}</button
        ><br />${whole([...shape, precisionText(model), providerText(model)].join(' · '))}
      </p>
    </div>
    <vscode-button
      appearance="icon"
      aria-label=${l10n.t`Analyze Routing`}
      title=${l10n.t`Analyze Routing`}
      @click=${() => {
        actions.run('analyze');
      }}
    >
      <span class="codicon codicon-refresh"></span>
    </vscode-button>
  </header>`;
}

function charts(view: LoadModel, layer: LayerLoad, actions: LoadActions): TemplateResult {
  const { state, layers, colors, theme, cursor } = view;
  const f = loadFigures(layer.counts, coldShare(layer.experts));
  const where = layerLabel(layer);
  const here = state.highlight?.layer === state.layer ? state.highlight.expert : undefined;
  const pointedHere = view.pointed?.layer === state.layer ? view.pointed : undefined;
  return html`
    ${figures(layer, f, colors, helpState(view, actions))}
    <div class="charts">
      ${section(
        view,
        actions,
        'load',
        l10n.t`Load by expert`,
        LOAD_HELP,
        pointedHere ? readout(layer, f, pointedHere.expert) : l10n.t`${where} · even ${percent(1 / layer.experts)}`,
        html`
          ${cursorLine(cursor, state.layer, colors)}
          <moe-load-bars
            .label=${describeLoad(layer, f)}
            .layer=${state.layer}
            .figures=${f}
            .highlighted=${here}
            .marked=${cursor?.layers[state.layer]?.experts ?? []}
            .colors=${colors}
            .actions=${actions.experts}
          ></moe-load-bars>
        `,
      )}
      <div>
        ${section(
          view,
          actions,
          'layers',
          l10n.t`All layers`,
          HEAT_HELP,
          view.pointed && !pointedHere
            ? heatReadout(layers, view.pointed)
            : html`0
                <span class="ramp" .style=${`background: ${ramp(theme.kind)}`}></span>
                ${l10n.t`${LOAD_RATIO_MAX}× even`}`,
          html`
            <moe-heat-map
              .label=${l10n.t`Load of every expert at ${layers.length} layers, as a multiple of the even share`}
              .layers=${layers}
              .ratios=${layers.map((l) => loadRatios(l.counts))}
              .chosen=${state.layer}
              .highlight=${state.highlight}
              .marked=${cursor?.layers.map((l) => l.experts) ?? []}
              .theme=${theme}
              .colors=${colors}
              .actions=${actions.experts}
              .chooseLayer=${actions.chooseLayer}
            ></moe-heat-map>
          `,
        )}
        ${section(view, actions, 'depth', l10n.t`Depth`, DEPTH_HELP, l10n.t`mean router entropy, nats`, depthLine(layers, state.layer, actions.chooseLayer))}
      </div>
    </div>
  `;
}

const WRITTEN_HELP: Help = {
  meaning: l10n.t`What the model wrote on from the cursor: each token with the time that it took and its experts, highest weight first.`,
  formula: l10n.t`time from the logits of the token before until its own routing is known, in milliseconds`,
  judge: l10n.t`A token reads the weights of its experts alone: the fewer experts all tokens touch, the better a cache of them works.`,
};

const LOAD_HELP: Help = {
  meaning: l10n.t`The share of the layer’s (token, choice) slots that each expert took; the dashed line is the even share.`,
  formula: l10n.t`share = c_e / Σc, with c_e the slots of expert e; even: 1/E`,
  judge: l10n.t`Bars near the line are what load balancing aims at. Point at an expert to see its tokens; ◆ marks the cursor’s.`,
};

const HEAT_HELP: Help = {
  meaning: l10n.t`Every expert of every layer, by how many times the even load it took; of those that share a pixel, the hottest.`,
  formula: 'c_e / (Σc / E)',
  judge: l10n.t`1 is even, 0 is dead. Expert 5 of one layer has nothing to do with expert 5 of another.`,
};

const DEPTH_HELP: Help = {
  meaning: l10n.t`How undecided the routers are from the first MoE layer to the last, as a mean over tokens.`,
  formula: l10n.t`−Σ p ln p over all experts of a layer, in nats`,
  judge: l10n.t`The dashed line is ln E, no preference at all; 0 is certainty.`,
};

function helpState({ helped }: LoadModel, { help }: LoadActions): HelpState {
  return { isOpen: (id) => helped.includes(id), open: help };
}

/** A part that folds away; what stands at its right end says what is drawn, or the numbers under the pointer. */
function section(
  view: LoadModel,
  actions: LoadActions,
  id: string,
  title: string,
  help: Help,
  aside: string | TemplateResult | typeof nothing,
  body: TemplateResult,
): TemplateResult {
  const helped = helpState(view, actions);
  return html`<details
    ?open=${!view.folded.includes(id)}
    @toggle=${(event: Event) => {
      actions.fold(id, !(event.currentTarget as HTMLDetailsElement).open);
    }}
  >
    <summary>
      <span class="codicon codicon-chevron-right" aria-hidden="true"></span>
      <h2>${title}</h2>
      <span>${aside}</span>
    </summary>
    ${helpButton(id, title, helped)}
    ${helped.isOpen(id) ? html`<div class="help" id="help-${id}">${helpText(help)}</div>` : nothing} ${body}
  </details>`;
}

function readout(layer: LayerLoad, f: LoadFigures, expert: number): string {
  const share = f.shares[expert]!;
  return l10n.t`E${expert} · ${count(layer.counts[expert]!)} slots · ${times(share * layer.experts)} even`;
}

function heatReadout(layers: readonly LayerLoad[], { layer, expert }: ExpertRef): string {
  const at = layers[layer]!;
  const { shares } = loadFigures(at.counts);
  return l10n.t`${layerLabel(at)} E${expert} · ${percent(shares[expert]!)} · ${times(shares[expert]! * at.experts)} even`;
}

function cursorLine(cursor: CursorToken | undefined, layer: number, colors: Colors): TemplateResult {
  const at = cursor?.layers[layer];
  if (!cursor || !at) return html`<p class="cursor dim">${l10n.t`No token at the cursor`}</p>`;
  return html`<p class="cursor">
    <span class="mark" aria-hidden="true">◆</span><span class="screen-reader">${l10n.t`Token at the cursor: `}</span
    ><code>${visibleText(cursor.text)}</code>
    ${at.experts.map(
      (expert, i) =>
        html`<span class="expert"
          ><span class="swatch" .style=${`background: ${colors.expert(expert).fill}`}></span>E${expert}
          ${Number.isNaN(at.weights[i]) ? nothing : html`<span class="dim">${fixed(at.weights[i]!, 2)}</span>`}</span
        >`,
    )}
    ${at.weights.some(Number.isNaN) ? html`<span class="dim">${l10n.t`weights unknown`}</span>` : nothing}
  </p>`;
}

/** The chart in a sentence. */
function describeLoad(layer: LayerLoad, f: LoadFigures): string {
  const where = layerLabel(layer);
  if (Number.isNaN(f.maxVio)) return l10n.t`Load by expert at ${where}: nothing routed yet.`;
  const share = (expert: number): string => l10n.t`expert ${expert} with ${percent(f.shares[expert]!)}`;
  return l10n.t`Load by expert at ${where}: most ${share(f.hottest)}, least ${share(f.coldest)}, even share ${percent(1 / layer.experts)}.`;
}
