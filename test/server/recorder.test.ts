/** SGLang's recorder, by its documented endpoints. */
import { cpSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { HttpClient } from '../../extension/server/http.ts';
import { findDump, startRecording, stopRecording } from '../../extension/server/recorder.ts';
import { EngineServer, type Answer, type Asked } from '../support/engineServer.ts';
import { FIXTURES } from '../support/reference.ts';

const { signal } = new AbortController();
const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function serve(
  answer: (asked: Asked) => Answer | undefined,
): Promise<{ server: EngineServer; http: HttpClient }> {
  const server = await EngineServer.start(answer);
  const http = new HttpClient({ url: server.url });
  open.push(
    () => {
      http.dispose();
    },
    () => server.stop(),
  );
  return { server, http };
}

it('starts, stops and has the counts written', async () => {
  const { server, http } = await serve(() => ({ json: '' }));
  await startRecording(http, signal);
  await stopRecording(http, signal);
  expect(server.paths).toEqual([
    '/start_expert_distribution_record',
    '/stop_expert_distribution_record',
    '/dump_expert_distribution_record',
  ]);
});

it('says what a server lacks', async () => {
  const vllm = await serve(() => undefined);
  await expect(startRecording(vllm.http, signal)).rejects.toThrow('that is a part of SGLang');
  const off = await serve(() => ({ status: 500, json: 'recorder is off' }));
  await expect(startRecording(off.http, signal)).rejects.toThrow('--expert-distribution-recorder-mode stat');
});

it('finds the dump that was written last, and none that is older', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'moescope-dumps-'));
  open.push(() => {
    rmSync(folder, { recursive: true });
  });
  const put = (name: string, seconds: number): string => {
    const path = join(folder, name);
    cpSync(join(FIXTURES, 'recordings/sglang-stat.pt'), path);
    utimesSync(path, seconds, seconds);
    return path;
  };
  put('expert_distribution_recorder_1.5.pt', 1_000);
  put('another.pt', 9_000);
  expect(await findDump(folder, 5_000_000)).toBeUndefined();
  const newest = put('expert_distribution_recorder_7.25_0.pt', 7_000);
  put('expert_distribution_recorder_6.5.pt', 6_000);
  expect(await findDump(folder, 5_000_000)).toBe(newest);
  expect(await findDump(join(folder, 'nowhere'), 0)).toBeUndefined();
});
