/**
 * Recordings of 500 MB: how long the host's thread waits at most while one is opened and reported on, and how long that takes.
 * The waits are of the event loop, so that busy neighbours on the machine count in.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { AnalystClient } from '../../extension/client/analystClient.ts';
import { InspectorClient } from '../../extension/client/inspectorClient.ts';
import { root } from '../../extension/tools/project.mjs';
import { report } from './report.ts';

/** DeepSeek-V3's layers, experts and k, and as many tokens and passes as make files of 500 MB. */
const [LAYERS, EXPERTS, K] = [61, 256, 8];
const TOKENS = 1_024_000;
const PASSES = 3_200;

const folder = mkdtempSync(join(tmpdir(), 'moescope-bench-'));
const { signal } = new AbortController();
await measure('ids.npy', npy());
await measure('stat.pt', torchSave());
rmSync(folder, { recursive: true });

async function measure(name: string, pieces: readonly Uint8Array[]): Promise<void> {
  const path = join(folder, name);
  writeFileSync(path, '');
  for (const piece of pieces) writeFileSync(path, piece, { flag: 'a' });
  const megabytes = pieces.reduce((sum, { length }) => sum + length, 0) / 1e6;
  const inspector = new InspectorClient({ entry: join(root, 'dist/inspector.js'), log: () => undefined });
  const analyst = new AnalystClient(join(root, 'dist/analyst.js'));
  await analyst.sections();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const start = performance.now();
  const opened = await inspector.recording([path], signal);
  const read = performance.now();
  inspector.dispose();
  const subject = opened.kind === 'trace' ? opened.subject : opened.subjects[0]!;
  const source = { id: name, version: 1, make: () => subject };
  await analyst.ask(source, { kind: 'section', id: 'balance', set: {} });
  const judged = performance.now();
  delay.disable();
  analyst.dispose();
  const what = `${name}, ${megabytes.toFixed(0)} MB`;
  report({ what: `${what}: opened`, value: read - start, unit: 'ms' });
  report({ what: `${what}: its balance`, value: judged - read, unit: 'ms' });
  report({ what: `${what}: longest wait of the host’s thread`, value: delay.max / 1e6, unit: 'ms', budget: 16 });
  report({ what: `${what}: 99.9 % of waits`, value: delay.percentile(99.9) / 1e6, unit: 'ms' });
}

/** Expert ids, a byte each. */
function npy(): Uint8Array[] {
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${TOKENS}, ${LAYERS}, ${K}), }`.padEnd(117) + '\n';
  const row = Uint8Array.from({ length: LAYERS * K }, (_, i) => (Math.floor(i / K) * 7 + (i % K) * 31) % EXPERTS);
  const some = Buffer.concat(Array.from({ length: 1_000 }, () => row));
  return [
    Buffer.concat([Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'), Buffer.from(header)]),
    ...Array.from({ length: TOKENS / 1_000 }, () => some),
  ];
}

/** What SGLang's recorder dumps in the mode stat: a zip of a pickle and the numbers that it refers to. */
function torchSave(): Uint8Array[] {
  const items = PASSES * LAYERS * EXPERTS;
  const pickle = Buffer.concat([
    Buffer.from('\x80\x02}X\x0d\0\0\0logical_countctorch._utils\n_rebuild_tensor_v2\n((', 'latin1'),
    Buffer.from('X\x07\0\0\0storagectorch\nLongStorage\nX\x01\0\0\x000X\x03\0\0\0cpu', 'latin1'),
    int32(items),
    Buffer.from('tQK\0(', 'latin1'),
    ...[PASSES, LAYERS, EXPERTS].map(int32),
    Buffer.from('t(', 'latin1'),
    ...[LAYERS * EXPERTS, EXPERTS, 1].map(int32),
    Buffer.from('t\x89ccollections\nOrderedDict\n)RtRs.', 'latin1'),
  ]);
  const counts = BigInt64Array.from({ length: LAYERS * EXPERTS }, (_, i) => BigInt(1 + (i % 97)));
  const pass = new Uint8Array(counts.buffer);
  return zip([
    ['archive/data.pkl', [pickle]],
    ['archive/data/0', Array.from({ length: PASSES }, () => pass)],
  ]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.write('J', 'latin1');
  bytes.writeInt32LE(value, 1);
  return bytes;
}

/** Entries as they are, not packed. */
function zip(entries: readonly (readonly [name: string, pieces: readonly Uint8Array[]])[]): Uint8Array[] {
  const written: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  const add = (piece: Uint8Array): void => {
    written.push(piece);
    at += piece.length;
  };
  for (const [name, pieces] of entries) {
    const size = pieces.reduce((sum, { length }) => sum + length, 0);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    for (const place of [18, 22]) local.writeUInt32LE(size, place);
    local.writeUInt16LE(name.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    for (const place of [20, 24]) central.writeUInt32LE(size, place);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(at, 42);
    directory.push(central, Buffer.from(name));
    for (const piece of [local, Buffer.from(name), ...pieces]) add(piece);
  }
  const begins = at;
  for (const piece of directory) add(piece);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  for (const place of [8, 10]) end.writeUInt16LE(entries.length, place);
  end.writeUInt32LE(at - begins, 12);
  end.writeUInt32LE(begins, 16);
  add(end);
  return written;
}
