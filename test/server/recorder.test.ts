/** SGLang's recorder, by its documented endpoints. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpClient } from '../../extension/server/http.ts';
import { askEach, dumpsIn, newDumps, startRecording, stopRecording } from '../../extension/server/recorder.ts';
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
  const http = new HttpClient({ url: server.url, apiKey: 'secret-7' });
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
  const repeats = await serve(() => ({ status: 500, json: `${'x'.repeat(296)}secret-7` }));
  await expect(startRecording(repeats.http, signal)).rejects.toThrow('xxx…): it has to be started');
});

describe('dumps', () => {
  function folderOfDumps(): { folder: string; put: (name: string) => string } {
    const folder = mkdtempSync(join(tmpdir(), 'moescope-dumps-'));
    open.push(() => {
      rmSync(folder, { recursive: true });
    });
    const put = (name: string): string => {
      const path = join(folder, name);
      cpSync(join(FIXTURES, 'recordings/sglang-stat.pt'), path);
      return path;
    };
    return { folder, put };
  }

  it('of a server are those that were not there before: one of each rank', async () => {
    const { folder, put } = folderOfDumps();
    put('expert_distribution_recorder_1.5.pt');
    const before = await dumpsIn(folder);
    expect(await newDumps(folder, before)).toEqual([]);
    put('another.pt');
    const ranks = [put('expert_distribution_recorder_7.25_0.pt'), put('expert_distribution_recorder_7.5_1.pt')];
    expect(await newDumps(folder, before)).toEqual(ranks);
    expect(await newDumps(join(folder, 'nowhere'), await dumpsIn(join(folder, 'nowhere')))).toEqual([]);
  });

  it('are waited for until they are whole', async () => {
    const { folder, put } = folderOfDumps();
    const before = await dumpsIn(folder);
    const first = put('expert_distribution_recorder_7.25_0.pt');
    const found = newDumps(folder, before);
    setTimeout(() => {
      put('expert_distribution_recorder_7.5_1.pt');
    }, 30);
    expect(await found).toEqual([first, join(folder, 'expert_distribution_recorder_7.5_1.pt')]);
  });
});

describe('several servers', () => {
  it('are asked one after the other, and one that fails does not hold up the others', async () => {
    const sglang = await serve(() => ({ json: '' }));
    const vllm = await serve(() => undefined);
    const { answers, failures } = await askEach([vllm.http, sglang.http], (http) => startRecording(http, signal));
    expect(answers.map(({ place }) => place)).toEqual([sglang.http.place]);
    expect(failures.map(({ message }) => message)).toEqual([
      `The server at ${vllm.http.place} has no recorder of expert loads: that is a part of SGLang.`,
    ]);
  });

  it('of which all fail are named, each with its sentence', async () => {
    const one = await serve(() => undefined);
    const other = await serve(() => ({ status: 401, json: {} }));
    await expect(askEach([one.http, other.http], (http) => startRecording(http, signal))).rejects.toThrow(
      /has no recorder.*wants an API key/u,
    );
  });
});
