import * as l10n from '@vscode/l10n';
import { EventEmitter, Uri, workspace, type Disposable, type Event, type TextDocumentContentProvider } from 'vscode';
import { Disposables } from './disposables.ts';

const SCHEME = 'moescope-comparison';

/** The text that comparisons are shown in. An editor of it comes back after a reload, before there is anything in it. */
export class ComparisonDocument implements TextDocumentContentProvider, Disposable {
  readonly uri = Uri.from({ scheme: SCHEME, path: `${l10n.t`Routing Comparison`}.md` });
  readonly #disposables = new Disposables();
  readonly #changed = this.#disposables.add(new EventEmitter<Uri>());
  readonly onDidChange: Event<Uri> = this.#changed.event;
  #markdown: string | undefined;

  constructor() {
    this.#disposables.add(workspace.registerTextDocumentContentProvider(SCHEME, this));
  }

  provideTextDocumentContent(): string {
    return this.#markdown ?? `${l10n.t`Run **MoEScope: Compare Precisions…** to see here what stays of a routing.`}\n`;
  }

  write(markdown: string): void {
    this.#markdown = markdown;
    this.#changed.fire(this.uri);
  }

  dispose(): void {
    this.#disposables.dispose();
  }
}
