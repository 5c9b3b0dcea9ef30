/**
 * Stands in the page for the extension host: answers what the views send as the real one does, and keeps what it got.
 * Messages travel as VS Code sends them: JSON, with typed arrays beside it.
 */
import '../../webview/language.ts';
import * as l10n from '@vscode/l10n';
import { syntheticTrace, type Size } from './syntheticTrace.ts';
import { expertCounts, meanOf } from '../../extension/analysis/load.ts';
import { GROUPS, makeSection } from '../../extension/analysis/sections/all.ts';
import { subjectOf } from '../../extension/analysis/sections/subject.ts';
import type { Section } from '../../extension/protocol/report.ts';
import type { TensorRow } from '../../extension/protocol/model.ts';
import type { RouterFinding } from '../../extension/protocol/routers.ts';
import type { ExpertRef, RoutingTrace } from '../../extension/protocol/trace.ts';
import type {
  FromLoadView,
  FromMap,
  FromModelPage,
  FromReportPage,
  LayerLoad,
  MapRows,
  ModelPageState,
  ToLoadView,
  ToMap,
  ToModelPage,
  ToReportPage,
  ViewState,
  WrittenText,
} from '../../extension/protocol/webview.ts';

type Sent = FromLoadView | FromMap | FromModelPage | FromReportPage;

const SUBJECTS = [
  { id: 'text', name: 'router.ts', detail: `balanced · float32 · ${l10n.t`${194} tokens`} · ${l10n.t`measured`}` },
  { id: 'folder', name: 'samples', detail: `balanced · float32 · ${l10n.t`${12} files`} · ${l10n.t`measured`}` },
];

export class FakeHost {
  readonly received: Sent[] = [];
  state: { -readonly [K in keyof ViewState]: ViewState[K] } = {
    layer: 0,
    tint: 'expert',
    tokens: 0,
    routed: 0,
    staleFrom: 0,
    palette: 'vivid',
  };
  #trace: RoutingTrace | undefined;
  #text: readonly string[] = [];
  #loads: readonly LayerLoad[] = [];
  #tensors: readonly TensorRow[] = [];
  /** Instead of those of the trace. */
  #sections: readonly Section[] | undefined;
  /** Requests for sections that are yet to be answered, while they are held. */
  readonly #held: Extract<FromReportPage, { type: 'section' }>[] = [];
  holdSections = false;
  #generation = 0;
  #sticky: ExpertRef | undefined;
  #saved: unknown;
  /** Nothing is sent while true. */
  holdMessages = false;

  readonly api = {
    postMessage: (message: Sent): void => {
      this.received.push(message);
      this.#answer(message);
    },
    getState: (): unknown => this.#saved,
    setState: (saved: unknown): unknown => (this.#saved = saved),
  };

  show(trace: RoutingTrace, text: readonly string[], change: Partial<ViewState> = {}): void {
    this.#trace = trace;
    this.#text = text;
    this.#loads = trace.layers.map((layer) => ({
      layer: layer.layer,
      ...(layer.stack ? { stack: layer.stack } : {}),
      experts: layer.experts,
      k: layer.k,
      candidates: layer.candidates,
      counts: expertCounts(layer, 0, trace.routed),
      meanEntropy: meanOf(layer.entropy, 0, trace.routed),
      meanMargin: meanOf(layer.margin, 0, trace.routed),
    }));
    const tokens = trace.tokens.ids.length;
    this.state = {
      ...this.state,
      key: 'file:///a/router.ts',
      document: 'router.ts',
      model: trace.origin.model,
      tokens,
      routed: trace.routed,
      staleFrom: tokens,
      ...change,
    };
    this.#generation += 1;
    this.#sendAll(0);
    if (document.title === 'report') this.showReport();
  }

  /** Shows routing too large to be sent into the page: it is made here. */
  showSynthetic(size: Size, change: Partial<ViewState> = {}): void {
    const { trace, text } = syntheticTrace(size);
    this.show(trace, text, change);
  }

  /** More of the same trace has come, or part of it has changed: rows from `from` on are void. */
  continueFrom(from: number, change: Partial<ViewState>): void {
    this.state = { ...this.state, ...change };
    this.#generation += 1;
    this.#sendAll(from);
  }

  update(change: Partial<ViewState>): void {
    this.state = { ...this.state, ...change };
    this.#send({ type: 'state', state: this.state });
  }

  written(written: WrittenText, from = 0): void {
    this.#send({ type: 'written', from, written });
  }

  cursor(token: number | undefined): void {
    const trace = this.#trace!;
    if (token === undefined) {
      this.#send({ type: 'cursor' });
      return;
    }
    const layers = trace.layers.map(({ chosen, weight, candidates, k }) => ({
      experts: Array.from(chosen.subarray(token * candidates, token * candidates + k)),
      weights: Array.from(weight.subarray(token * candidates, token * candidates + k)),
    }));
    this.#send({ type: 'cursor', token: { text: this.#text[token]!, layers } });
  }

  reveal(token: number, select: boolean): void {
    this.#send({ type: 'reveal', token, select });
  }

  /** Shows a model on its page, with so many tensors to ask for. */
  showModel(page: ModelPageState, tensors: number): void {
    this.#tensors = Array.from({ length: tensors }, (_, i) => ({
      name: `model.layers.${Math.floor(i / 4)}.mlp.experts.${i % 4}.down_proj.weight`,
      dtype: i % 7 === 0 ? 'F8_E4M3' : 'BF16',
      shape: [7168, 2048],
      bytes: 29_360_128,
      file: `model-${String(1 + (i % 160)).padStart(5, '0')}-of-00160.safetensors`,
    }));
    this.#send({ type: 'reading', name: page.model.name });
    this.#send({ type: 'model', page });
  }

  showForeign(name: string, finding: RouterFinding): void {
    this.#send({ type: 'foreign', name, finding });
  }

  failModel(name: string, message: string): void {
    this.#send({ type: 'reading', name });
    this.#send({ type: 'failed', name, message });
  }

  /** A report of the trace that is shown, or of sections as they are given. */
  showReport(sections?: readonly Section[]): void {
    this.#sections = sections;
    this.#send({ type: 'state', state: this.state });
    this.#send({ type: 'subjects', subjects: SUBJECTS, current: 'text' });
    this.#send({
      type: 'sections',
      sections: sections
        ? sections.map(({ id, title }) => ({ id, title, group: 'By hand' }))
        : GROUPS.flatMap(({ title: group, sections: kinds }) => kinds.map(({ id, title }) => ({ id, title, group }))),
    });
  }

  sendToReport(message: ToReportPage): void {
    this.#send(message);
  }

  answerSections(): void {
    this.holdSections = false;
    for (const message of this.#held.splice(0)) this.#answerSection(message);
  }

  #answerSection({ request, id, set }: Extract<FromReportPage, { type: 'section' }>): void {
    const section = this.#sections
      ? this.#sections.find((one) => one.id === id)
      : makeSection(id, subjectOf('router.ts', this.#trace!, this.#text.join('')), set);
    if (section) this.#send({ type: 'section', request, section });
    else this.#send({ type: 'failed', request, message: `There is no section ${id}.` });
  }

  sendRaw(data: unknown): void {
    window.postMessage(data, '*');
  }

  #sendAll(from: number): void {
    this.#send({ type: 'state', state: this.state });
    if (!this.#trace) return;
    if (document.title === 'report') return;
    if (document.title === 'map') {
      this.#send({ type: 'trace', generation: this.#generation, from, windows: this.#trace.windows });
    }
    this.#send({ type: 'load', layers: this.#loads });
  }

  #answer(message: Sent): void {
    switch (message.type) {
      case 'ready':
        if (document.title !== 'model' && document.title !== 'report') this.#sendAll(0);
        break;
      case 'chooseLayer':
        this.update({ layer: message.layer });
        break;
      case 'chooseTint':
        this.update({ tint: message.tint });
        break;
      case 'highlight': {
        if (!message.preview) this.#sticky = message.expert;
        const shown = message.expert ?? this.#sticky;
        this.state = { ...this.state };
        delete this.state.highlight;
        this.update(shown ? { highlight: shown } : {});
        break;
      }
      case 'rows':
        if (message.generation === this.#generation) this.#sendRows(message.from, message.to);
        break;
      case 'tensors': {
        const { query, search, from, count } = message;
        const matching = this.#tensors.filter(({ name, dtype }) => `${name} ${dtype}`.includes(search));
        const found = { matching: matching.length, rows: matching.slice(from, from + count) };
        this.#send({ type: 'tensors', query, from, found });
        break;
      }
      case 'section':
        if (this.holdSections) this.#held.push(message);
        else this.#answerSection(message);
        break;
      case 'goto':
      case 'command':
      case 'chooseSubject':
      case 'act':
      case 'save':
      case 'saveData':
      case 'export':
        break;
    }
  }

  #sendRows(from: number, to: number): void {
    const trace = this.#trace!;
    const rows: MapRows = {
      from,
      to,
      text: this.#text.slice(from, to),
      ids: trace.tokens.ids.slice(from, to),
      logProb: trace.tokens.logProb.slice(from, to),
      layers: trace.layers.map(({ chosen, weight, entropy, margin, candidates, k }) => ({
        chosen: chosenOf(chosen, Uint16Array, from, to, candidates, k),
        weight: chosenOf(weight, Float32Array, from, to, candidates, k),
        entropy: entropy.slice(from, to),
        margin: margin.slice(from, to),
      })),
    };
    this.#send({ type: 'rows', generation: this.#generation, rows });
  }

  /** Posted as a task of its own, as from another process. */
  #send(message: ToLoadView | ToMap | ToModelPage | ToReportPage): void {
    if (!this.holdMessages) window.postMessage(asSent(message), '*');
  }
}

function chosenOf<A extends Uint16Array | Float32Array>(
  column: A,
  Column: new (length: number) => A,
  from: number,
  to: number,
  candidates: number,
  k: number,
): A {
  const out = new Column((to - from) * k);
  for (let t = from; t < to; t++) {
    out.set(column.subarray(t * candidates, t * candidates + k), (t - from) * k);
  }
  return out;
}

/** What JSON does to a message: undefined fields go, NaN becomes null; typed arrays stay as they are. */
function asSent(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map(asSent);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, v]) => v !== undefined);
  return Object.fromEntries(entries.map(([k, v]) => [k, asSent(v)]));
}

const fakeHost = new FakeHost();
Object.assign(window, { fakeHost, acquireVsCodeApi: () => fakeHost.api });
