/** The real worker thread. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRecording } from '../../extension/client/recordingReader.ts';
import type { OpenedRecording, ToReader } from '../../extension/protocol/reader.ts';
import { FIXTURES, ROOT } from '../support/reference.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moescope-reader-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const fixture = (name: string): string => join(FIXTURES, 'recordings', name);

function open(paths: ToReader['paths'], signal: AbortSignal = new AbortController().signal): Promise<OpenedRecording> {
  return openRecording(join(ROOT, 'dist/reader.js'), paths, signal);
}

/** Of a recording of tokens. */
async function subjectOf(path: string) {
  const opened = await open([path]);
  if (opened.kind !== 'trace') throw new Error(`${path} is counts`);
  return { ...opened.subject, placed: opened.placed };
}

describe('the reader', () => {
  it('opens a recording of tokens, counts their load, and says whether they stand in a text', async () => {
    const { name, trace, text, loads, placed } = await subjectOf(fixture('ids.npz'));
    expect([name, trace.tokens.ids.length, text, placed]).toEqual(['ids.npz', 5, '', false]);
    // Token t of 5 goes to (t + l) % 4 and (t + l + 1) % 4.
    expect([...loads[0]!.counts]).toEqual([3, 3, 2, 2]);
    expect((await subjectOf(fixture('vllm-0.27.1.json'))).placed).toBe(true);
  });

  it('hands columns over in memory that threads share, the same one where they are the same', async () => {
    const { trace, loads } = await subjectOf(fixture('ids.npz'));
    const [first, second] = trace.layers;
    expect(first!.chosen.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(loads[0]!.counts.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(first!.weight.buffer).toBe(second!.weight.buffer);
  });

  it('adds up the counts of several files', async () => {
    const other = join(folder, 'other.pt');
    copyFileSync(fixture('sglang-stat.pt'), other);
    const opened = await open([fixture('sglang-stat.pt'), other]);
    if (opened.kind !== 'counts') throw new Error('it is a trace');
    expect(opened.subjects.map(({ name }) => name)).toEqual(['sglang-stat.pt and 1 more']);
    expect(opened.subjects[0]!.loads.map(({ counts }) => [...counts])).toEqual([
      [8, 16, 2, 2],
      [6, 6, 6, 10],
    ]);
  });

  it('refuses what is none with its sentence', async () => {
    await expect(open([fixture('harm.pt')])).rejects.toMatchObject({
      code: 'trace-invalid',
      message: expect.stringContaining('nothing is run') as string,
    });
    await expect(open([join(folder, 'nowhere.npy')])).rejects.toThrow('There is no file');
  });

  it('a file that takes more memory than a thread has costs the thread', async () => {
    const path = join(folder, 'lists.json');
    // Each of these lists takes some thirty times its two letters.
    writeFileSync(path, `[${'[],'.repeat(60_000_000)}0]`);
    await expect(open([path])).rejects.toMatchObject({
      code: 'trace-invalid',
      message: expect.stringContaining('more memory') as string,
    });
  }, 120_000);

  it('is ended by whoever has no use for it', async () => {
    const abort = new AbortController();
    const opening = open([fixture('imatrix.gguf')], abort.signal);
    abort.abort();
    await expect(opening).rejects.toMatchObject({ code: 'cancelled' });
  });
});
