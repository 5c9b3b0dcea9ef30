import * as l10n from '@vscode/l10n';
import { commands, window } from 'vscode';
import type { ServerSpec } from '../protocol/server.ts';
import { DUMP_FOLDER, KEPT, type Answers } from '../server/recorder.ts';
import type { FirstUse } from './firstUse.ts';
import type { Problems } from './problems.ts';
import { withNotice } from './progressNotice.ts';
import type { Recordings } from './recordings.ts';
import type { ServerConnections } from './serverConnections.ts';
import { isSame, type Servers } from './servers.ts';

/** Records what servers route between start and stop, whoever asked them to. */
export class LoadRecorder {
  readonly #servers: Servers;
  readonly #connections: FirstUse<ServerConnections>;
  readonly #recordings: Recordings;
  readonly #problems: Problems;
  /** Servers that were started and not stopped since, the last one first: another may be chosen meanwhile. */
  #recording: readonly ServerSpec[] = [];

  constructor(servers: Servers, connections: FirstUse<ServerConnections>, recordings: Recordings, problems: Problems) {
    this.#servers = servers;
    this.#connections = connections;
    this.#recordings = recordings;
    this.#problems = problems;
  }

  /** Throws UserError. */
  async start(): Promise<void> {
    const server = await this.#server();
    if (!server) return;
    const connections = await this.#connections.get();
    const started = await this.#ask(server, (signal) => connections.startRecording(server, signal));
    this.#recording = [server, ...this.#without(server)];
    const stop = l10n.t`Stop and Open`;
    const message =
      started.length === 1
        ? l10n.t`${started[0]!.place} counts what it routes, of all its users.`
        : l10n.t`${placesOf(started)} count what they route, of all their users.`;
    if ((await window.showInformationMessage(`${message} ${KEPT}`, stop)) === stop) await this.#stop(server);
  }

  /**
   * Stops the server that was started last, or else the chosen one, and opens what was counted where it can be reached, added up.
   * Throws UserError.
   */
  async stop(): Promise<void> {
    const server = this.#recording[0] ?? (await this.#server());
    if (server) await this.#stop(server);
  }

  async #stop(server: ServerSpec): Promise<void> {
    // One that does not answer is in nobody's way: it can be chosen, and stopped then.
    this.#recording = this.#without(server);
    const connections = await this.#connections.get();
    const stopped = await this.#ask(server, (signal) => connections.stopRecording(server, signal));
    const [first, ...more] = stopped.flatMap(({ value }) => value);
    if (first !== undefined) await this.#recordings.openFiles([first, ...more]);
    const away = stopped.filter(({ value }) => value.length === 0);
    if (away.length === 0) return;
    const open = l10n.t`Open Trace…`;
    const where = `${DUMP_FOLDER}/expert_distribution_recorder_*.pt`;
    const answer = await window.showInformationMessage(
      l10n.t`${placesOf(away)} wrote the counts on the server’s own machine, to ${where} unless it was told otherwise. Copy the newest here to open it; several that are chosen together are added up.`,
      open,
    );
    if (answer === open) await this.#recordings.open();
  }

  #without(server: ServerSpec): ServerSpec[] {
    return this.#recording.filter((other) => !isSame(other, server));
  }

  /** What servers answered; a sentence for each that failed is shown. Throws UserError where all did. */
  async #ask<T>(server: ServerSpec, ask: (signal: AbortSignal) => Promise<Answers<T>>): Promise<Answers<T>['answers']> {
    const abort = new AbortController();
    const { host } = new URL(server.url);
    const { answers, failures } = await withNotice(host, l10n.t`Asking ${host}`, abort, () => ask(abort.signal));
    for (const failure of failures) this.#problems.report('record load', failure);
    return answers;
  }

  async #server(): Promise<ServerSpec | undefined> {
    const server = this.#servers.chosen;
    if (server) return (await this.#servers.agreeToPlainHttp(server)) ? server : undefined;
    const choose = l10n.t`Use a Server…`;
    const answer = await window.showInformationMessage(l10n.t`Which server? Choose one first.`, choose);
    if (answer === choose) await commands.executeCommand('moescope.useServer');
    return undefined;
  }
}

function placesOf(answers: readonly { readonly place: string }[]): string {
  return answers.map(({ place }) => place).join(', ');
}
