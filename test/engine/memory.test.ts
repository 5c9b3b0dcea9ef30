/** What is said when memory runs out, and how much there is of it in a container. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { explainedFailure, explainedOpening } from '../../extension/engine/memory.ts';
import { availablePages, groupMemory } from '../../extension/formats/freeMemory.ts';
import { UserError } from '../../extension/protocol/errors.ts';

describe('an allocation that failed', () => {
  const said = (error: unknown, precision?: string): string => String(explainedFailure(error, precision));
  test('is told with the precisions that take less', () => {
    expect(said(new Error('std::bad_alloc'), 'float32')).toBe(
      'UserError: Memory ran out with the model in float32. In int8 or int4 it takes less.',
    );
    expect(said(new Error('std::bad_alloc'), 'int8')).toContain('In int4 it takes less.');
    expect(said(new Error('std::bad_alloc'), 'float16')).toBe(
      'UserError: Memory ran out with the model in float16. In int8 or int4 it takes less.',
    );
    expect(said(new Error('std::bad_alloc'), 'int4')).toContain('analyze a part of the text');
  });
  test('is told without precisions where the model has no choice of them', () => {
    expect(said(new Error('std::bad_alloc'))).toBe(
      'UserError: Memory ran out: analyze a part of the text, or end other programs.',
    );
  });
  test('is not told to mend by less text where the model is only being opened', () => {
    expect(explainedOpening(new Error('std::bad_alloc'))).toMatchObject({
      code: 'model-too-large',
      message: 'Memory ran out while the model was being opened: end other programs.',
    });
  });
  test.each([
    'Non-zero status code returned while running MatMul node. Status Message: bfc_arena.cc:359 Failed to allocate memory for requested buffer of size 4294967296',
    'bad allocation',
    'Cannot allocate memory',
  ])('is known by the words of ONNX Runtime and the system: %s', (message) => {
    expect(explainedFailure(new Error(message), undefined)).toMatchObject({ code: 'out-of-memory' });
  });
  test('is known by the words of V8', () => {
    let thrown: unknown;
    try {
      new ArrayBuffer(2 ** 52);
    } catch (error) {
      thrown = error;
    }
    expect(explainedFailure(thrown, undefined)).toMatchObject({ code: 'out-of-memory' });
  });
  test('is not what other errors are', () => {
    const bug = new TypeError('x is not a function');
    expect(explainedFailure(bug, 'float32')).toBe(bug);
    const own = new UserError('weights-invalid', 'Out of memory is the name of this tensor.');
    expect(explainedFailure(own, 'float32')).toBe(own);
  });
});

describe('memory on a Mac', () => {
  const said = `Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                                3000.
Pages active:                            200000.
Pages inactive:                          190000.
Pages speculative:                         2000.
Pages throttled:                              0.
Pages wired down:                        100000.
Pages purgeable:                           5000.
"Translation faults":                1234567890.
`;
  test('is that of pages that nobody has to give up', () => {
    expect(availablePages(said)).toBe(195_000 * 16_384);
  });
  test('is not made up where it is not said', () => {
    expect(availablePages('')).toBeUndefined();
    expect(availablePages(said.replace('inactive', 'idle'))).toBeUndefined();
  });
});

describe('memory in a container', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'moescope-cgroup-'));
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });
  const write = (files: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text);
    }
  };
  test('is what the limit leaves, with files that can be dropped', () => {
    write({
      'memory.max': '4000000000\n',
      'memory.current': '3500000000\n',
      'memory.stat': 'anon 1500000000\nfile 2000000000\ninactive_file 1800000000\nactive_file 200000000\n',
    });
    expect(groupMemory(root, join(root, 'self'))).toBe(2_300_000_000);
  });
  test('is told by the first version of control groups alike', () => {
    write({
      'memory/memory.limit_in_bytes': '4000000000\n',
      'memory/memory.usage_in_bytes': '1000000000\n',
      'memory/memory.stat': 'inactive_file 1\ntotal_inactive_file 500000000\n',
    });
    expect(groupMemory(root, join(root, 'self'))).toBe(3_500_000_000);
  });
  test('has no limit where none is set, and where there are no such groups', () => {
    expect(groupMemory(root, join(root, 'self'))).toBe(Infinity);
    write({ 'memory.max': 'max\n', 'memory.current': '1\n', 'memory.stat': '' });
    expect(groupMemory(root, join(root, 'self'))).toBe(Infinity);
    rmSync(join(root, 'memory.max'));
    write({ 'memory/memory.limit_in_bytes': '9223372036854771712\n' });
    expect(groupMemory(root, join(root, 'self'))).toBe(Infinity);
  });
  test('is the least that the own group and those above it leave', () => {
    write({
      self: '1:name=systemd:/\n0::/slurm/job_7/step_0\n',
      'memory.stat': 'inactive_file 0\n',
      'slurm/job_7/memory.max': '4000\n',
      'slurm/job_7/memory.current': '1000\n',
      'slurm/job_7/memory.stat': 'inactive_file 0\n',
      'slurm/job_7/step_0/memory.max': 'max\n',
      'slurm/job_7/step_0/memory.current': '900\n',
      'slurm/job_7/step_0/memory.stat': 'inactive_file 0\n',
      'slurm/job_8/memory.max': '1\n',
    });
    expect(groupMemory(root, join(root, 'self'))).toBe(3000);
    write({ 'slurm/job_7/step_0/memory.max': '1000\n' });
    expect(groupMemory(root, join(root, 'self'))).toBe(100);
  });
  test('is that of the own group in the first version, too', () => {
    write({
      self: '5:cpu,cpuacct:/\n4:memory:/docker/c0ffee\n',
      'memory/memory.limit_in_bytes': '9223372036854771712\n',
      'memory/docker/c0ffee/memory.limit_in_bytes': '5000\n',
      'memory/docker/c0ffee/memory.usage_in_bytes': '2000\n',
      'memory/docker/c0ffee/memory.stat': 'total_inactive_file 500\n',
    });
    expect(groupMemory(root, join(root, 'self'))).toBe(3500);
  });
  test('is that of the root where the own group is not shown', () => {
    write({
      self: '0::/../docker/c0ffee\n',
      'memory.max': '5000\n',
      'memory.current': '2000\n',
      'memory.stat': 'inactive_file 0\n',
    });
    expect(groupMemory(root, join(root, 'self'))).toBe(3000);
  });
  test('is never negative', () => {
    write({ 'memory.max': '1000', 'memory.current': '2000', 'memory.stat': 'inactive_file 0\n' });
    expect(groupMemory(root, join(root, 'self'))).toBe(0);
  });
});
