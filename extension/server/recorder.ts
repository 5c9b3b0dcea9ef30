/** SGLang's expert distribution recorder: it counts what a server routes between start and stop, and dumps it there. */
import * as l10n from '@vscode/l10n';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { isUserError, UserError } from '../protocol/errors.ts';
import type { HttpClient } from './http.ts';

/** Where a dump goes unless the server's environment says otherwise. */
export const DUMP_FOLDER = '/tmp';
export const DUMP_VARIABLE = 'SGLANG_EXPERT_DISTRIBUTION_RECORDER_DIR';
/** Name of a dump: the time in seconds, and in some modes the rank. */
const DUMP_NAME = /^expert_distribution_recorder_\d+\.\d+(_\d+)?\.pt$/;

/**
 * What whoever starts it has to know: its modes stat and stat_approx write over the oldest pass, and a busy server makes a thousand
 * within half a minute.
 */
export const KEPT = l10n.t`In its mode stat the recorder keeps the last 1,000 passes alone, unless the server was started with another --expert-distribution-recorder-buffer-size (-1 keeps all).`;

/** Begins to count; what was counted before is forgotten. Throws UserError. */
export async function startRecording(http: HttpClient, signal: AbortSignal): Promise<void> {
  await tell(http, 'start_expert_distribution_record', signal);
}

/** Stops, and has the counts written to a file of the server's. Throws UserError. */
export async function stopRecording(http: HttpClient, signal: AbortSignal): Promise<void> {
  await tell(http, 'stop_expert_distribution_record', signal);
  await tell(http, 'dump_expert_distribution_record', signal);
}

/** Between two looks at dumps, which count as written when nothing has changed; and looks at most. */
const LOOK_MS = 100;
const MAX_LOOKS = 50;

/** The dumps in a folder, by path, with their sizes; none where there is no such folder. */
export async function dumpsIn(folder: string): Promise<ReadonlyMap<string, number>> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => DUMP_NAME.test(name)).sort();
  const paths = names.map((name) => join(folder, name));
  const sizes = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        (found) => found.size,
        () => 0,
      ),
    ),
  );
  return new Map(paths.map((path, i) => [path, sizes[i]!]));
}

/**
 * The dumps that a server of this machine has written: in some modes each of its ranks writes one, and the server answers when the
 * first has.
 *
 * @param before what was in the folder when it was asked to
 * @returns their paths, once they are whole
 */
export async function newDumps(folder: string, before: ReadonlyMap<string, number>): Promise<string[]> {
  let last = '';
  for (let looks = 0; ; looks++) {
    const found = [...(await dumpsIn(folder))].filter(([path]) => !before.has(path));
    const now = JSON.stringify(found);
    if (found.length === 0 || now === last || looks === MAX_LOOKS) return found.map(([path]) => path);
    last = now;
    await setTimeout(LOOK_MS);
  }
}

/** What several servers answered, and a sentence for each that failed. */
export interface Answers<T> {
  readonly answers: readonly { readonly place: string; readonly value: T }[];
  readonly failures: readonly UserError[];
}

/**
 * Asks one server after the other. One that fails does not hold up the others.
 *
 * @throws UserError where all of them fail
 */
export async function askEach<C extends { readonly place: string }, T>(
  servers: readonly C[],
  ask: (server: C) => Promise<T>,
): Promise<Answers<T>> {
  const answers: { place: string; value: T }[] = [];
  const failures: UserError[] = [];
  for (const server of servers) {
    try {
      answers.push({ place: server.place, value: await ask(server) });
    } catch (error) {
      if (!isUserError(error) || error.code === 'cancelled') throw error;
      failures.push(error);
    }
  }
  if (answers.length === 0 && failures[0]) {
    throw new UserError(failures[0].code, failures.map(({ message }) => message).join(' '));
  }
  return { answers, failures };
}

async function tell(http: HttpClient, what: string, signal: AbortSignal): Promise<void> {
  const { status, body } = await http.ask(`/${what}`, {}, signal);
  if (status === 200) return;
  if (status === 404 || status === 405) {
    throw new UserError(
      'server-unfit',
      l10n.t`The server at ${http.place} has no recorder of expert loads: that is a part of SGLang.`,
    );
  }
  if (status === 401 || status === 403) {
    throw new UserError(
      'server-unfit',
      l10n.t`The server at ${http.place} wants an API key, or does not accept this one.`,
    );
  }
  const said = http.said(status, new TextDecoder().decode(body).trim());
  throw new UserError(
    'server-unfit',
    l10n.t`The server at ${http.place} does not record (${said}): it has to be started with --expert-distribution-recorder-mode stat.`,
  );
}
