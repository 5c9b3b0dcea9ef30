import * as l10n from '@vscode/l10n';
import { commands, window, type Disposable, type QuickPickItem } from 'vscode';
import { routingAgreement, type Agreement } from '../analysis/agreement.ts';
import { subjectOf } from '../analysis/sections/subject.ts';
import { byteSize } from '../analysis/sizes.ts';
import type { EngineClient } from '../client/engineClient.ts';
import type { InspectorClient } from '../client/inspectorClient.ts';
import { TraceBuilder } from '../client/traceBuilder.ts';
import type { ModelRequest } from '../protocol/engine.ts';
import { urlsOf } from '../protocol/server.ts';
import { PROVIDERS, type ModelInfo, type Precision, type RoutingTrace } from '../protocol/trace.ts';
import type { ComparisonDocument } from './comparisonDocument.ts';
import { comparisonMarkdown } from './comparisonText.ts';
import { Disposables } from './disposables.ts';
import { unlinked } from './markdown.ts';
import type { Models } from './models.ts';
import { withNotice } from './progressNotice.ts';
import type { RoutedText } from './routedText.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';
import type { Subjects } from './subjects.ts';

type Way = Pick<ModelRequest, 'precision' | 'provider'>;

interface WayItem extends QuickPickItem {
  readonly way: Way;
}

interface Report {
  readonly session: Session;
  readonly routed: RoutedText;
  readonly markdown: string;
}

/** Routes a text once more, in another precision or on another provider, and shows what of the routing stays. */
export class Comparer implements Disposable {
  readonly #client: EngineClient;
  readonly #inspector: InspectorClient;
  readonly #models: Models;
  readonly #sessions: Sessions;
  readonly #subjects: Subjects;
  readonly #disposables = new Disposables();
  readonly #document: ComparisonDocument;
  /** Of the second run that is under way. */
  #abort: AbortController | undefined;
  #report: Report | undefined;
  #stale = false;

  constructor(
    client: EngineClient,
    inspector: InspectorClient,
    models: Models,
    sessions: Sessions,
    subjects: Subjects,
    document: ComparisonDocument,
  ) {
    this.#client = client;
    this.#inspector = inspector;
    this.#models = models;
    this.#sessions = sessions;
    this.#subjects = subjects;
    this.#document = document;
    this.#disposables.add(
      sessions.onDidChange(({ session }) => {
        if (session === this.#report?.session && isStale(this.#report) !== this.#stale) this.#write(this.#report);
      }),
    );
  }

  dispose(): void {
    this.#abort?.abort();
    this.#disposables.dispose();
  }

  /** Asks what to compare a routing with, and compares. Throws UserError; `cancelled` too. */
  async compare(session: Session, routed: RoutedText): Promise<void> {
    const { model } = routed.trace.origin;
    const folder = await this.#folderOf(model);
    if (folder === undefined) return;
    const way = await this.#ask({ ...model, folder });
    if (!way || session.routed !== routed) return;
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    // Whoever routes the text anew, or clears it, no longer wants to know about the old routing.
    const listener = this.#sessions.onDidChange(() => {
      if (session.routed !== routed || session.run) abort.abort();
    });
    try {
      // The first run's windows, whatever the settings say now: other windows are another routing.
      const request = { ...this.#models.request(folder), ...way, context: model.context };
      const text = routed.text;
      const second = await withNotice(model.name, l10n.t`Routing in ${nameOf(way)}`, abort, (show) =>
        this.#route(request, text, abort.signal, show),
      );
      if (abort.signal.aborted) return;
      await this.#show(session, routed, second);
    } finally {
      listener.dispose();
    }
  }

  /** Where the model lies that is run for comparison: of one that a server ran, the local folder that was named with it. */
  async #folderOf({ folder, name, provider }: ModelInfo): Promise<string | undefined> {
    if (folder !== '') return folder;
    const { server } = this.#models;
    const served = server !== undefined && urlsOf(server).some((url) => new URL(url).host === provider);
    if (served && server.folder !== undefined) return server.folder;
    await window.showInformationMessage(
      served
        ? l10n.t`To compare the routing of ${unlinked(name)} with this machine's, name a local folder with its weights in Use a Server….`
        : l10n.t`${unlinked(name)} did not run on this machine: there is nothing to compare its routing with.`,
    );
    return undefined;
  }

  async #ask(model: ModelInfo): Promise<Way | undefined> {
    const { signal } = new AbortController();
    if (await this.#inspector.routers(model.folder, signal)) {
      await window.showInformationMessage(
        l10n.t`An ONNX export runs as it is, on the CPU alone: there is nothing to compare its routing with.`,
      );
      return undefined;
    }
    const items = await this.#ways(model, signal);
    if (items.length === 0) {
      await window.showInformationMessage(
        l10n.t`No other precision of ${unlinked(model.name)} fits the free memory, and nothing else here can run it.`,
      );
      return undefined;
    }
    const item = await window.showQuickPick(items, {
      title: l10n.t`Compare the routing in ${nameOf(model)} with`,
      placeHolder: l10n.t`Another precision, or another provider: the text is routed once more`,
      matchOnDescription: true,
    });
    return item?.way;
  }

  /** What differs from the first run in one thing alone. */
  async #ways({ folder, precision, provider }: ModelInfo, signal: AbortSignal): Promise<WayItem[]> {
    const [{ precisions }, providers] = await Promise.all([
      this.#inspector.inspect(folder, signal),
      this.#client.providers(signal),
    ]);
    // What a server ran is compared with the processor of this machine.
    const here = PROVIDERS.find((known) => known === provider);
    const on = here ?? 'cpu';
    const precisely = precisions
      // float16 is for GPUs.
      .filter((p) => p.fits && p.precision !== precision && (p.precision !== 'float16' || on !== 'cpu'))
      .map((p) => {
        const way = { precision: p.precision, provider: on };
        return { way, label: nameOf(way), description: l10n.t`needs ${byteSize(p.needed)} of memory` };
      });
    if (!here) return precisely;
    const elsewhere = providers
      .filter((other) => other !== provider && (precision !== 'float16' || other !== 'cpu'))
      .map((other) => {
        const way = { precision: precision as Precision, provider: other };
        const description = other === 'cpu' ? l10n.t`the processor` : l10n.t`tried against the CPU first`;
        return { way, label: nameOf(way), description };
      });
    return [...precisely, ...elsewhere];
  }

  async #route(
    request: ModelRequest,
    text: string,
    signal: AbortSignal,
    progress: Parameters<EngineClient['open']>[1],
  ): Promise<RoutingTrace> {
    let builder: TraceBuilder | undefined;
    const result = await this.#client.analyze(
      request,
      text,
      {
        progress,
        began: (began) => {
          builder = new TraceBuilder(began);
        },
        routed: (part) => builder?.add(part),
      },
      signal,
    );
    const trace = builder?.finish(result);
    if (trace?.routed !== trace?.tokens.ids.length || !trace) throw new Error('routing of the second run is missing');
    return trace;
  }

  async #show(session: Session, routed: RoutedText, second: RoutingTrace): Promise<void> {
    const first = routed.trace;
    const agreement = agreementOf(first, second);
    if (!agreement) {
      await window.showWarningMessage(
        unlinked(
          first.origin.model.folder === ''
            ? l10n.t`The model of ${second.origin.model.name} has other tokens or layers than the server's: it is another one.`
            : l10n.t`${first.origin.model.name} has changed on disk between the two runs: analyze the text again, then compare.`,
        ),
      );
      return;
    }
    const markdown = comparisonMarkdown({ title: session.name, text: routed.text, first, second, agreement });
    this.#report = { session, routed, markdown };
    this.#write(this.#report);
    session.compared = agreement;
    const subject = this.#subjects.ofSession(session);
    const other = subjectOf(session.name, second, routed.text);
    if (subject) this.#subjects.addEvidence(subject.id, { other });
    this.#sessions.publish(session, 'highlight');
    await commands.executeCommand('markdown.showPreviewToSide', this.#document.uri);
  }

  #write(report: Report): void {
    this.#stale = isStale(report);
    const notice = l10n.t`**Out of date.** The text was edited or routed again since: this is of the text as it was.`;
    this.#document.write(this.#stale ? `> ${notice}\n\n${report.markdown}` : report.markdown);
  }
}

/** Undefined where a model's files were exchanged between the runs, so that they are of other tokens or layers. */
function agreementOf(first: RoutingTrace, second: RoutingTrace): Agreement | undefined {
  try {
    return routingAgreement(first, second);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function isStale({ session, routed }: Report): boolean {
  return session.routed !== routed || routed.edits.edited;
}

function nameOf({ precision, provider }: { readonly precision: string; readonly provider: string }): string {
  return l10n.t`${precision} on ${provider}`;
}
