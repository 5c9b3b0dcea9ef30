/** Recordings as the real inspector process hands them over. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { InspectorClient } from '../../extension/client/inspectorClient.ts';
import type { OpenedRecording, RecordingPaths } from '../../extension/protocol/recording.ts';
import { FIXTURES, ROOT } from '../support/reference.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moescope-recordings-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});
let client: InspectorClient;
beforeEach(() => {
  client = new InspectorClient({ entry: join(ROOT, 'dist/inspector.js'), log: () => undefined });
});
afterEach(() => {
  client.dispose();
});

const { signal } = new AbortController();
const fixture = (name: string): string => join(FIXTURES, 'recordings', name);

async function open<K extends OpenedRecording['kind']>(
  kind: K,
  ...paths: RecordingPaths
): Promise<Extract<OpenedRecording, { kind: K }>> {
  const opened = await client.recording(paths, signal);
  if (opened.kind !== kind) throw new Error(`it is ${opened.kind}`);
  return opened as Extract<OpenedRecording, { kind: K }>;
}

describe('a recording', () => {
  it('of tokens comes with its load, and says whether they stand in a text', async () => {
    const { subject, placed } = await open('trace', fixture('ids.npz'));
    expect([subject.name, subject.trace.tokens.ids.length, subject.text, placed]).toEqual(['ids.npz', 5, '', false]);
    // Token t of 5 goes to (t + l) % 4 and (t + l + 1) % 4.
    expect([...subject.loads[0]!.counts]).toEqual([3, 3, 2, 2]);
    expect((await open('trace', fixture('vllm-0.27.1.json'))).placed).toBe(true);
  });

  it('has its columns in memory that threads share, and one column once', async () => {
    const { trace } = (await open('trace', fixture('ids.npz'))).subject;
    const [first, second] = trace.layers;
    expect(first!.chosen.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(first!.weight).toBe(second!.weight);
    expect(first!.weight.every(Number.isNaN)).toBe(true);
  });

  it('that is larger than a message comes whole', async () => {
    const [tokens, k] = [400_000, 2];
    const path = join(folder, 'large.npy');
    const header = `{'descr': '<u2', 'fortran_order': False, 'shape': (${tokens}, 1, ${k}), }`.padEnd(117) + '\n';
    const ids = Uint16Array.from({ length: tokens * k }, (_, i) => (i % k) * 1000 + (Math.floor(i / k) % 1000));
    writeFileSync(
      path,
      Buffer.concat([Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'), Buffer.from(header), Buffer.from(ids.buffer)]),
    );
    const { trace } = (await open('trace', path)).subject;
    expect(Buffer.compare(Buffer.from(trace.layers[0]!.chosen), Buffer.from(ids))).toBe(0);
  });

  it('of several files is the sum of their counts', async () => {
    const other = join(folder, 'other.pt');
    copyFileSync(fixture('sglang-stat.pt'), other);
    const { subjects } = await open('counts', fixture('sglang-stat.pt'), other);
    expect(subjects.map(({ name }) => name)).toEqual(['sglang-stat.pt and 1 more']);
    expect(subjects[0]!.loads.map(({ counts }) => [...counts])).toEqual([
      [8, 16, 2, 2],
      [6, 6, 6, 10],
    ]);
  });

  it('that is none is refused with its sentence', async () => {
    await expect(client.recording([fixture('harm.pt')], signal)).rejects.toMatchObject({
      code: 'trace-invalid',
      message: expect.stringContaining('nothing is run') as string,
    });
    await expect(client.recording([join(folder, 'nowhere.npy')], signal)).rejects.toThrow('There is no file');
  });

  it('that takes more memory than a process has costs that process, which is said', async () => {
    const path = join(folder, 'lists.json');
    // Each list takes some twenty times its two letters.
    writeFileSync(path, `[${'[],'.repeat(20_000_000)}0]`);
    const small = new InspectorClient({
      entry: join(ROOT, 'dist/inspector.js'),
      log: () => undefined,
      execArgv: ['--max-old-space-size=256'],
    });
    await expect(small.recording([path], signal)).rejects.toMatchObject({
      code: 'inspector-gone',
      message: expect.stringContaining('more memory') as string,
    });
    small.dispose();
  }, 60_000);

  it('is left by whoever has no use for it', async () => {
    const abort = new AbortController();
    const opening = client.recording([fixture('imatrix.gguf')], abort.signal);
    abort.abort();
    await expect(opening).rejects.toMatchObject({ code: 'cancelled' });
  });
});
