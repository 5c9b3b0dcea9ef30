/** SGLang's expert distribution recorder: it counts what a server routes between start and stop, and dumps it there. */
import * as l10n from '@vscode/l10n';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../protocol/errors.ts';
import type { HttpClient } from './http.ts';

/** Where a dump goes unless the server's environment says otherwise. */
export const DUMP_FOLDER = '/tmp';
export const DUMP_VARIABLE = 'SGLANG_EXPERT_DISTRIBUTION_RECORDER_DIR';
/** Name of a dump: the time in seconds, and in some modes the rank. */
export const DUMP_NAME = /^expert_distribution_recorder_\d+\.\d+(_\d+)?\.pt$/;

/** Begins to count; what was counted before is forgotten. Throws UserError. */
export async function startRecording(http: HttpClient, signal: AbortSignal): Promise<void> {
  await ask(http, 'start_expert_distribution_record', signal);
}

/** Stops, and has the counts written to a file of the server's. Throws UserError. */
export async function stopRecording(http: HttpClient, signal: AbortSignal): Promise<void> {
  await ask(http, 'stop_expert_distribution_record', signal);
  await ask(http, 'dump_expert_distribution_record', signal);
}

/**
 * The dump that a server of this machine has just written.
 *
 * @param since in milliseconds since 1970: when it was asked to
 * @returns its path; undefined where there is none
 */
export async function findDump(folder: string, since: number): Promise<string | undefined> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => DUMP_NAME.test(name));
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: -Infinity }));
      return { path, mtimeMs };
    }),
  );
  // Clocks of file systems count in coarse steps.
  const [newest] = files.filter(({ mtimeMs }) => mtimeMs > since - 1000).sort((a, b) => b.mtimeMs - a.mtimeMs);
  return newest?.path;
}

async function ask(http: HttpClient, what: string, signal: AbortSignal): Promise<void> {
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
  const said = http.said(status, new TextDecoder().decode(body.subarray(0, 300)).trim());
  throw new UserError(
    'server-unfit',
    l10n.t`The server at ${http.place} does not record (${said}): it has to be started with --expert-distribution-recorder-mode stat.`,
  );
}
