import * as l10n from '@vscode/l10n';
import { window } from 'vscode';
import { DUMP_FOLDER } from '../server/recorder.ts';
import type { Recordings } from './recordings.ts';
import type { Servers } from './servers.ts';

/** Records what a server routes between start and stop, whoever asked it to. */
export class LoadRecorder {
  readonly #servers: Servers;
  readonly #recordings: Recordings;

  constructor(servers: Servers, recordings: Recordings) {
    this.#servers = servers;
    this.#recordings = recordings;
  }

  /** Throws UserError. */
  async start(): Promise<void> {
    const server = await this.#server();
    if (!server) return;
    await this.#servers.startRecording(server, new AbortController().signal);
    const stop = l10n.t`Stop and Open`;
    const host = new URL(server.url).host;
    const answer = await window.showInformationMessage(l10n.t`${host} counts what it routes, of all its users.`, stop);
    if (answer === stop) await this.stop();
  }

  /** Stops, and opens what was counted where it can be reached. Throws UserError. */
  async stop(): Promise<void> {
    const server = await this.#server();
    if (!server) return;
    const dump = await this.#servers.stopRecording(server, new AbortController().signal);
    if (dump !== undefined) {
      await this.#recordings.openFile(dump);
      return;
    }
    const open = l10n.t`Open Trace…`;
    const where = `${DUMP_FOLDER}/expert_distribution_recorder_*.pt`;
    const host = new URL(server.url).host;
    const answer = await window.showInformationMessage(
      l10n.t`${host} wrote its counts to a file of its own, ${where} unless it was told otherwise. Copy the newest here to open it.`,
      open,
    );
    if (answer === open) await this.#recordings.open();
  }

  async #server() {
    const server = this.#servers.chosen;
    if (!server) await window.showInformationMessage(l10n.t`Which server? Run “Use a Server…” first.`);
    return server && (await this.#servers.agreeToPlainHttp(server.url)) ? server : undefined;
  }
}
