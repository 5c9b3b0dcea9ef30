/** The model page's sections. */
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
}

export interface ModelPageActions {
  readonly run: (command: ModelPageCommand) => void;
  readonly search: (text: string) => void;
  readonly more: () => void;
}

export function modelView(view: ModelPageModel, actions: ModelPageActions): TemplateResult {
  const { name, page, foreign, failure } = view;
  if (foreign) {
    return html`${header(name, `ONNX model, written by ${foreign.producer}`, actions)} ${foreignRouters(foreign)}`;
  }
  if (!page) {
    return html`${header(name, failure === undefined ? 'Reading config and headers…' : '', actions)}
    ${failure === undefined ? nothing : html`<p class="failure" role="alert">${failure}</p>`}`;
  }
  const { model } = page;
  return html`
    ${header(model.name, `${model.architecture}, as in ${model.family}`, actions)} ${figures(model)}
    ${section('Router', router(model))} ${section('Layers', layerStrip(model))}
    ${section('Memory', memory(page, actions))} ${section('Files', files(model))}
    ${section('Tensors', tensorTable(view, actions))}
    ${section('Config', html`<pre tabindex="0" role="group" aria-label="config.json">${configText(model)}</pre>`)}
  `;
}

/** Some configs list every token; a page has room for what anybody reads. */
const MAX_CONFIG = 100_000;

function configText({ config }: Inspection): string {
  const text = JSON.stringify(config, undefined, 2);
  return text.length > MAX_CONFIG
    ? `${text.slice(0, MAX_CONFIG)}\n… and ${count(text.length - MAX_CONFIG)} more characters`
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
      >Choose Model…</vscode-button
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
    ${figure('Parameters', parameterCount(parameters.total), '')}
    ${figure('Work on a token', parameterCount(parameters.active), percent(parameters.active / parameters.total))}
    ${figure('Layers', count(layers.length), moe === layers.length ? 'all MoE' : `${count(moe)} MoE`)}
    ${first ? figure('Experts a layer', count(first.experts), expertsNote(first)) : nothing}
    ${figure('Context', count(context), 'tokens')}
    ${figure('Hidden size', count(hiddenSize), `vocabulary ${count(vocabulary)}`)}
    ${figure('On disk', byteSize(stored.bytes), stored.files === 1 ? '1 file' : `${count(stored.files)} files`)}
  </dl>`;
}

function expertsNote({ k, shared }: RouterRule): string {
  return `top-${k}${shared ? ' + shared' : ''}`;
}

function router({ routers, layers, source }: Inspection): TemplateResult {
  return html`${routers.map((rule, i) => {
      const at = layers.flatMap((layer, index) => (layer.router === i ? [index] : []));
      const where = routers.length > 1 ? html`<p class="dim">Layers ${layerRanges(at)}</p>` : nothing;
      // One step a line where there is no room for all of them in one.
      const steps = rule.formula.split(',  ').map((step) => html`<span>${step}</span> `);
      return html`${where}
        <p class="formula">${steps}</p>`;
    })}
    <p class="dim">
      x is a token’s hidden state, W the router’s matrix, T the chosen experts, which sums go over, f an expert.
      <a href=${source.url}>${source.title}</a>
    </p>`;
}

function memory(page: ModelPageState, actions: ModelPageActions): TemplateResult {
  const { model } = page;
  const shown = model.precisions.find(({ precision }) => precision === (model.best ?? 'int4'))!;
  return html`
    <p>
      All experts must sit in memory, whichever a token visits: of ${byteSize(shown.total)} in ${shown.precision}, one
      token uses ${byteSize(shown.active)}, ${percent(shown.active / shown.total)}.
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
        Change in the settings
      </button>
    </p>
  `;
}

function files({ stored, layout, skipped, tokenizer }: Inspection): TemplateResult {
  const dtypes = stored.dtypes.map(({ dtype, bytes, tensors }) => `${dtype} ${byteSize(bytes)} (${count(tensors)})`);
  const rows: readonly (readonly [string, string])[] = [
    ['Experts', layout],
    ['Types', dtypes.join(', ')],
    ['Tokenizer', tokenizer ? 'tokenizer.json' : 'none: without tokenizer.json no text can be routed'],
    ...skipped.map(
      ({ what, tensors, bytes }) => ['Skipped', `${what}: ${tensorCount(tensors)}, ${byteSize(bytes)}`] as const,
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
  return `${count(n)} ${n === 1 ? 'tensor' : 'tensors'}`;
}

function tensorTable({ tensors, search }: ModelPageModel, actions: ModelPageActions): TemplateResult {
  const rest = tensors ? tensors.matching - tensors.rows.length : 0;
  const found = tensors ? tensorCount(tensors.matching) : '';
  return html`
    <div class="search">
      <vscode-text-field
        aria-label="Search tensors by name or type"
        placeholder="Name or type"
        .value=${search}
        @input=${(event: Event) => {
          actions.search((event.target as HTMLInputElement).value);
        }}
      ></vscode-text-field>
      <span class="dim" role="status">${found}</span>
    </div>
    <div class="scroll" tabindex="0" role="group" aria-label="Tensors">
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Type</th>
            <th scope="col">Shape</th>
            <th scope="col" class="number">Size</th>
            <th scope="col">File</th>
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
            <vscode-button appearance="secondary" @click=${actions.more}>Show More</vscode-button>
            <span class="dim">${count(rest)} not shown</span>
          </p>`
        : nothing
    }
  `;
}
