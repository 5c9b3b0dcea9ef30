import * as l10n from '@vscode/l10n';
import { MarkdownString, StatusBarAlignment, window, type Disposable, type StatusBarItem } from 'vscode';
import { layerLabel, tokenCount } from '../analysis/labels.ts';
import { precisionText, providerText } from '../analysis/ranText.ts';
import { Disposables } from './disposables.ts';
import type { Lens } from './lens.ts';
import { escapeMarkdown } from './markdown.ts';
import type { Models } from './models.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';
import { editorsInUse } from './shownEditor.ts';
import { hottestText, legendMarkdown } from './statusText.ts';
import { themeKind } from './theme.ts';
import { Throttle } from './throttle.ts';

const INTERVAL_MS = 500;
const TYPING_MS = 1000;

/**
 * Model and precision, what runs, the hottest expert, and of which text where another one is in view; its tooltip is the legend of the
 * tint, a click offers the commands.
 */
export class StatusBar implements Disposable {
  readonly #sessions: Sessions;
  readonly #lens: Lens;
  readonly #models: Models;
  readonly #disposables = new Disposables();
  readonly #item: StatusBarItem;
  #tip = '';

  constructor(sessions: Sessions, lens: Lens, models: Models) {
    this.#sessions = sessions;
    this.#lens = lens;
    this.#models = models;
    this.#item = this.#disposables.add(window.createStatusBarItem('moescope.status', StatusBarAlignment.Left, 50));
    this.#item.name = 'MoEScope';
    this.#item.command = 'moescope.showCommands';
    const throttle = this.#disposables.add(
      new Throttle(INTERVAL_MS, () => {
        this.#show();
      }),
    );
    const show = (): void => {
      throttle.request();
    };
    this.#disposables.add(
      sessions.onDidChange(({ session }) => {
        throttle.request(session.typing ? TYPING_MS : INTERVAL_MS);
      }),
    );
    this.#disposables.add(sessions.onDidSwitch(show));
    this.#disposables.add(lens.onDidChange(show));
    this.#disposables.add(models.onDidChange(show));
    this.#disposables.add(window.onDidChangeActiveColorTheme(show));
    this.#disposables.add(window.onDidChangeActiveTextEditor(show));
    this.#show();
    this.#item.show();
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  #show(): void {
    const session = this.#sessions.current;
    const texts = [
      ...(session && !inView(session) ? [session.name] : []),
      this.#modelText(session),
      ...(session ? this.#sessionTexts(session) : []),
    ];
    const run = session?.running;
    // What spins is drawn 60 times a second: without a graphics card that takes half a core from the run. A share moves by itself.
    const spins = run?.lasting && run.fraction === undefined;
    const icon = !run ? '$(circuit-board)' : spins ? '$(sync~spin)' : '$(sync)';
    const text = `${icon} ${texts.join('\u2002')}`;
    const tooltip = this.#tooltip(session);
    // Each assignment goes to the window, and draws the bar anew.
    if (text === this.#item.text && tooltip.value === this.#tip) return;
    this.#tip = tooltip.value;
    this.#item.text = text;
    this.#item.tooltip = tooltip;
    this.#item.accessibilityInformation = { label: `MoEScope: ${texts.join(', ')}`, role: 'button' };
  }

  #modelText(session: Session | undefined): string {
    const model = session?.routed?.trace.origin.model;
    return model ? `${model.name} · ${precisionText(model)}` : this.#models.name;
  }

  #sessionTexts({ running: run, routed, partial, outdated }: Session): string[] {
    if (run) return [run.label + (run.fraction === undefined ? '' : ` (${Math.floor(100 * run.fraction)} %)`)];
    if (!routed) return [];
    const { trace, loads } = routed;
    const position = this.#lens.layerOf(trace.layers);
    const layer = trace.layers[position];
    const hottest = layer && hottestText(loads.upTo(position, trace.routed));
    return [
      ...(hottest ? [l10n.t`${hottest} at ${layerLabel(layer)}`] : []),
      ...(partial ? [l10n.t`partial`] : []),
      ...(outdated ? [l10n.t`edited since`] : []),
    ];
  }

  #tooltip(session: Session | undefined): MarkdownString {
    const tooltip = new MarkdownString();
    tooltip.supportHtml = true;
    const routed = session?.routed;
    const position = this.#lens.layerOf(routed?.trace.layers ?? []);
    const layer = routed?.trace.layers[position];
    if (!routed || !layer) {
      tooltip.appendMarkdown(l10n.t`**MoEScope**: no document analyzed yet. Click for its commands.`);
      return tooltip;
    }
    const { trace, loads } = routed;
    const { model } = trace.origin;
    tooltip.appendMarkdown(`**${escapeMarkdown(session.name)}** · ${tokenCount(trace.tokens.ids.length)}\n\n`);
    const shape = l10n.t`${trace.layers.length} MoE layers × ${layer.experts} experts, top-${layer.k}`;
    tooltip.appendMarkdown(
      `**${escapeMarkdown(model.name)}** · ${shape} · ${escapeMarkdown(precisionText(model))} · ${escapeMarkdown(providerText(model))}\n\n`,
    );
    const load = loads.upTo(position, trace.routed);
    const theme = themeKind(window.activeColorTheme.kind);
    tooltip.appendMarkdown(legendMarkdown(this.#lens.tint, load, model.vocabulary, this.#lens.palette, theme));
    if (model.note !== undefined) tooltip.appendMarkdown(`\n\n${escapeMarkdown(model.note)}`);
    if (session.partial) tooltip.appendMarkdown(`\n\n${session.partial}`);
    if (session.outdated) {
      tooltip.appendMarkdown(`\n\n${l10n.t`The text was edited: dotted underlines are out of date.`}`);
    }
    return tooltip;
  }
}

/** Whether the user would take the figures for the document's. */
function inView({ document }: Session): boolean {
  return editorsInUse().some((editor) => editor.document === document);
}
