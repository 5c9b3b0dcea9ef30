/** The routing map: an editor tab with every token at every layer. */
import './language.ts';
import * as l10n from '@vscode/l10n';
import { html, nothing, render, type TemplateResult } from 'lit';
import './map.css';
import './toolkit.ts';
import { loadRatios } from '../extension/analysis/tint.ts';
import type { FromMap, LayerLoad, ToMap, ViewCommand, ViewState } from '../extension/protocol/webview.ts';
import { details } from './grid/details.ts';
import { RowCache } from './grid/rowCache.ts';
import type { CellPosition } from './grid/painter.ts';
import './grid/routingGrid.ts';
import type { RoutingGrid } from './grid/routingGrid.ts';
import { Highlighter } from './highlight.ts';
import { Host } from './host.ts';
import { toMap } from './messages.ts';
import { tintChoice } from './parts/choices.ts';
import type { HelpState } from './parts/helpButton.ts';
import { legend } from './parts/legend.ts';
import { empty, notices } from './parts/notices.ts';
import { Colors, onThemeChange, readTheme } from './theme.ts';

interface Saved {
  /** Of the document that was shown. */
  readonly key: string;
  readonly topToken: number;
  /** Explanations that are open. */
  readonly helped: readonly string[];
}

const host = new Host<{ to: ToMap; from: FromMap; saved: Saved }>();
const post = (message: FromMap): void => {
  host.post(message);
};
const highlighter = new Highlighter(post);
const cache = new RowCache(post);
const root = document.body.appendChild(document.createElement('main'));

/** Where the user was before the page was hidden or reloaded. */
const { saved } = host;

let theme = readTheme();
let state: ViewState | undefined;
let colors: Colors | undefined;
let loads: readonly LayerLoad[] = [];
let windows: Uint32Array = new Uint32Array(1);
let cached = 0;
let at: CellPosition | undefined;
/** What to go to once its token is there: while somebody types, the cursor is ahead of the text that is shown. */
let awaited: Extract<ToMap, { type: 'reveal' }> | undefined;
let helped: readonly string[] = saved.helped ?? [];
const helpState: HelpState = {
  isOpen: (id) => helped.includes(id),
  open: (id, open) => {
    helped = [...helped.filter((other) => other !== id), ...(open ? [id] : [])];
    host.save({ helped });
    update();
  },
};

function update(): void {
  if (state) render(page(state), root);
}

function page(view: ViewState): TemplateResult {
  const run = (command: ViewCommand): void => {
    post({ type: 'command', command });
  };
  const { model } = view;
  if (!model || view.document === undefined) {
    return html`<div class="top">${notices(view, run)}${view.running ? nothing : empty(run)}</div>`;
  }
  const layer = model.moeLayers[view.layer];
  colors ??= new Colors(theme, view.palette);
  return html`
    <div class="top">
      ${notices(view, run)}
      <div class="choices">
        ${tintChoice(view.tint, (tint) => {
          post({ type: 'chooseTint', tint });
        })}
        ${
          view.tint === 'expert'
            ? html`<p class="legend">
                ${
                  model.weightless
                    ? l10n.t`Cell: the chosen experts, whose weights are unknown`
                    : l10n.t`Cell: the chosen experts, width in proportion to weight`
                }
              </p>`
            : layer
              ? legend(view.tint, layer, model, theme.kind, helpState)
              : nothing
        }
      </div>
    </div>
    <moe-routing-grid
      .view=${view}
      .windows=${windows}
      .loads=${loads}
      .theme=${theme}
      .colors=${colors}
      .cache=${cache}
      .cached=${cached}
      .highlighter=${highlighter}
      .post=${post}
      .look=${look}
      .start=${saved.key === view.key ? (saved.topToken ?? 0) : 0}
      .moved=${moved}
    ></moe-routing-grid>
    ${details(
      {
        at,
        row: at && cache.get(at.token),
        shape: at && model.moeLayers[at.layer],
        ratios: at && loads[at.layer] && loadRatios(loads[at.layer]!.counts),
        highlight: view.highlight,
        colors,
      },
      highlighter,
    )}
  `;
}

function look(cell: CellPosition | undefined): void {
  at = cell;
  update();
}

function moved(topToken: number): void {
  if (state?.key !== undefined) host.save({ key: state.key, topToken });
}

function grid(): RoutingGrid | null {
  return root.querySelector('moe-routing-grid');
}

function reveal(): void {
  const shown = grid();
  if (!shown || !awaited || !state || awaited.token >= state.tokens) return;
  const { token, select } = awaited;
  awaited = undefined;
  // Where rows stand it knows after its update.
  void shown.updateComplete.then(() => {
    shown.reveal(token, select);
  });
}

host.listen(toMap, (message) => {
  switch (message.type) {
    case 'state':
      if (message.state.palette !== state?.palette) colors = undefined;
      if (message.state.key !== state?.key) at = awaited = undefined;
      ({ state } = message);
      highlighter.update(state);
      break;
    case 'trace':
      ({ windows } = message);
      cache.renew(message.generation, message.from);
      cached += 1;
      break;
    case 'rows':
      if (cache.accept(message.generation, message.rows)) cached += 1;
      break;
    case 'load':
      loads = message.layers;
      break;
    case 'reveal':
      awaited = message;
      break;
  }
  update();
  reveal();
});

onThemeChange(() => {
  theme = readTheme();
  colors = undefined;
  update();
});

host.post({ type: 'ready' });
