/** The model page's sections. */
import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import { layerRanges } from '../extension/analysis/layerRanges.ts';
import { byteSize, parameterCount } from '../extension/analysis/sizes.ts';
import type { Inspection, RouterRule, TensorRow } from '../extension/protocol/model.ts';
import type { RouterFinding } from '../extension/protocol/routers.ts';
import type { ModelPageCommand, ModelPageState } from '../extension/protocol/webview.ts';
import { layerStrip } from './charts/layerStrip.ts';
import { memoryBars } from './charts/memoryBars.ts';
import { memoryTable } from './charts/memoryTable.ts';
import { count, percent } from '../extension/analysis/numbers.ts';
import { foreignRouters } from './parts/foreignRouters.ts';
import { runText } from './parts/runText.ts';

export interface ModelPageModel {
  readonly name: string;
  readonly page: ModelPageState | undefined;
  /** Instead of it for an ONNX model: what its graph tells. */
  readonly foreign: RouterFinding | undefined;
  /** Why the model could not be read. */
  readonly failure: string | undefined;
  readonly search: string;
  readonly tensors: { readonly matching: number; readonly rows: readonly TensorRow[] } | undefined;
  /** Why they could not be listed. */
  readonly tensorsFailure: string | undefined;
}

export interface ModelPageActions {
  readonly run: (command: ModelPageCommand) => void;
  readonly search: (text: string) => void;
  readonly more: () => void;
}

export function modelView(view: ModelPageModel, actions: ModelPageActions): TemplateResult {
  const { name, page, foreign, failure } = view;
  if (foreign) {
    return html`${header(name, l10n.t`ONNX model, written by ${foreign.producer}`, actions)} ${foreignRouters(foreign)}`;
  }
  if (!page) {
    return html`${header(name, failure === undefined ? l10n.t`Reading config and headers…` : '', actions)}
    ${failure === undefined ? nothing : html`<p class="failure" role="alert">${failure}</p>`}`;
  }
  const { model } = page;
  return html`
    ${header(model.name, l10n.t`${model.architecture}, as in ${model.family}`, actions)} ${figures(model)}
    ${section(l10n.t`Router`, router(model))} ${section(l10n.t`Layers`, layerStrip(model))}
    ${section(l10n.t`Memory`, memory(page, actions))} ${section(l10n.t`Files`, files(model))}
    ${section(l10n.t`Tensors`, tensorTable(view, actions))}
    ${section(l10n.t`Config`, html`<pre tabindex="0" role="group" aria-label="config.json">${configText(model)}</pre>`)}
  `;
}

/** Some configs list every token; a page has room for what anybody reads. */
const MAX_CONFIG = 100_000;

function configText({ config }: Inspection): string {
  const text = JSON.stringify(config, undefined, 2);
  return text.length > MAX_CONFIG
    ? `${text.slice(0, MAX_CONFIG)}\n${l10n.t`… and ${count(text.length - MAX_CONFIG)} more characters`}`
    : text;
}

function header(name: string, about: string, actions: ModelPageActions): TemplateResult {
  return html`<header>
    <div>
      <h1>${name}</h1>
      <p class="dim">${about}</p>
    </div>
    <vscode-button
      appearance="secondary"
      @click=${() => {
        actions.run('chooseModel');
      }}
      >${l10n.t`Choose Model…`}</vscode-button
    >
  </header>`;
}

function section(title: string, body: TemplateResult): TemplateResult {
  return html`<section aria-label=${title}>
    <h2>${title}</h2>
    ${body}
  </section>`;
}

function figures({ parameters, layers, routers, context, stored, hiddenSize, vocabulary }: Inspection): TemplateResult {
  const moe = layers.filter(({ network }) => network === 'moe').length;
  const [first] = routers;
  const figure = (term: string, value: string, note: string): TemplateResult =>
    html`<div>
      <dt>${term}</dt>
      <dd><b>${value}</b> <span>${note}</span></dd>
    </div>`;
  return html`<dl class="figures">
    ${figure(l10n.t`Parameters`, parameterCount(parameters.total), '')}
    ${figure(l10n.t`Work on a token`, parameterCount(parameters.active), percent(parameters.active / parameters.total))}
    ${figure(l10n.t`Layers`, count(layers.length), moe === layers.length ? l10n.t`all MoE` : `${count(moe)} MoE`)}
    ${first ? figure(l10n.t`Experts a layer`, count(first.experts), expertsNote(first)) : nothing}
    ${figure(l10n.t`Context`, count(context), l10n.t`tokens`)}
    ${figure(l10n.t`Hidden size`, count(hiddenSize), l10n.t`vocabulary ${count(vocabulary)}`)}
    ${figure(l10n.t`On disk`, byteSize(stored.bytes), stored.files === 1 ? l10n.t`1 file` : l10n.t`${count(stored.files)} files`)}
  </dl>`;
}

function expertsNote({ k, shared }: RouterRule): string {
  return shared ? l10n.t`top-${k} + shared` : `top-${k}`;
}

function router({ routers, layers, source }: Inspection): TemplateResult {
  return html`${routers.map((rule, i) => {
      const at = layers.flatMap((layer, index) => (layer.router === i ? [index] : []));
      const where = routers.length > 1 ? html`<p class="dim">${l10n.t`Layers ${layerRanges(at)}`}</p>` : nothing;
      // One step a line where there is no room for all of them in one.
      const steps = rule.formula.split(',  ').map((step) => html`<span>${step}</span> `);
      return html`${where}
        <p class="formula">${steps}</p>`;
    })}
    <p class="dim">
      ${l10n.t`x is a token’s hidden state, W the router’s matrix, T the chosen experts, which sums go over, f an expert.`}
      <a href=${source.url}>${source.title}</a>
    </p>`;
}

function memory(page: ModelPageState, actions: ModelPageActions): TemplateResult {
  const { model } = page;
  const shown = model.precisions.find(({ precision }) => precision === (model.best ?? 'int4'))!;
  return html`
    <p>
      ${l10n.t`All experts must sit in memory, whichever a token visits: of ${byteSize(shown.total)} in ${shown.precision}, one token uses ${byteSize(shown.active)}, ${percent(shown.active / shown.total)}.`}
    </p>
    ${memoryBars(model)} ${memoryTable(model)}
    <p>
      ${runText(page)}
      <button
        class="link"
        @click=${() => {
          actions.run('openSettings');
        }}
      >
        ${l10n.t`Change in the settings`}
      </button>
    </p>
  `;
}

/** How the weights of experts lie. */
const LAYOUTS: Readonly<Record<Inspection['layout'], string>> = {
  'one tensor an expert': l10n.t`one tensor an expert`,
  'all experts of a layer in one tensor': l10n.t`all experts of a layer in one tensor`,
};

function files({ stored, layout, skipped, tokenizer }: Inspection): TemplateResult {
  const dtypes = stored.dtypes.map(({ dtype, bytes, tensors }) => `${dtype} ${byteSize(bytes)} (${count(tensors)})`);
  const rows: readonly (readonly [string, string])[] = [
    [l10n.t`Experts`, LAYOUTS[layout]],
    [l10n.t`Types`, dtypes.join(', ')],
    [l10n.t`Tokenizer`, tokenizer ? 'tokenizer.json' : l10n.t`none: without tokenizer.json no text can be routed`],
    ...skipped.map(
      ({ what, tensors, bytes }) =>
        [l10n.t`Skipped`, l10n.t`${what}: ${tensorCount(tensors)}, ${byteSize(bytes)}`] as const,
    ),
  ];
  return html`<dl class="facts">
    ${rows.map(
      ([term, value]) =>
        html`<div>
          <dt>${term}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

function tensorCount(n: number): string {
  return n === 1 ? l10n.t`1 tensor` : l10n.t`${count(n)} tensors`;
}

function tensorTable({ tensors, tensorsFailure, search }: ModelPageModel, actions: ModelPageActions): TemplateResult {
  const rest = tensors ? tensors.matching - tensors.rows.length : 0;
  const found = tensors ? tensorCount(tensors.matching) : '';
  return html`
    <div class="search">
      <input
        type="text"
        aria-label=${l10n.t`Search tensors by name or type`}
        placeholder=${l10n.t`Name or type`}
        .value=${search}
        @input=${(event: Event) => {
          actions.search((event.target as HTMLInputElement).value);
        }}
      />
      <span class="dim" role="status">${found}</span>
    </div>
    ${tensorsFailure === undefined ? nothing : html`<p class="failure" role="alert">${tensorsFailure}</p>`}
    <div class="scroll" tabindex="0" role="group" aria-label=${l10n.t`Tensors`}>
      <table>
        <thead>
          <tr>
            <th scope="col">${l10n.t`Name`}</th>
            <th scope="col">${l10n.t`Type`}</th>
            <th scope="col">${l10n.t`Shape`}</th>
            <th scope="col" class="number">${l10n.t`Size`}</th>
            <th scope="col">${l10n.t`File`}</th>
          </tr>
        </thead>
        <tbody>
          ${tensors?.rows.map(
            ({ name, dtype, shape, bytes, file }) =>
              html`<tr>
                <th scope="row">${name}</th>
                <td>${dtype}</td>
                <td>${shape.join(' × ')}</td>
                <td class="number">${byteSize(bytes)}</td>
                <td class="dim">${file}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${
      rest > 0
        ? html`<p class="more">
            <vscode-button appearance="secondary" @click=${actions.more}>${l10n.t`Show More`}</vscode-button>
            <span class="dim">${l10n.t`${count(rest)} not shown`}</span>
          </p>`
        : nothing
    }
  `;
}
