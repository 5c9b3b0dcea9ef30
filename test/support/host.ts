/**
 * A host of the engine, the inspector and the analyst in a process of its own, to be killed: `host.ts WORK MODEL CACHE`. Says the ids of
 * its processes, a JSON line, once they are up, and works on until somebody ends it.
 */
import { join } from 'node:path';
import { EngineClient } from '../../extension/client/engineClient.ts';
import { InspectorClient } from '../../extension/client/inspectorClient.ts';
import { CACHE_LIMIT } from '../../extension/protocol/defaults.ts';
import { root } from '../../extension/tools/project.mjs';

const [work, folder, cache] = process.argv.slice(2) as [string, string, string];
const log = (): void => undefined;
const client = new EngineClient({ entry: join(root, 'dist/engine.js'), log });
const inspector = new InspectorClient({ entry: join(root, 'dist/inspector.js'), log });
const { signal } = new AbortController();
const common = { cache, cacheLimit: CACHE_LIMIT, threads: 1, context: 0 } as const;
const model = { folder, ...common, precision: 'auto', provider: 'auto' } as const;
const text = 'The router sends each token to a few experts.\n'.repeat(20_000);

let told = false;
function say(stage: string): void {
  const awaited = work === 'generation' ? 'continued' : work;
  if (told || stage !== awaited) return;
  told = true;
  process.stdout.write(`${JSON.stringify({ engine: client.pid })}\n`);
}
const sink = {
  progress: ({ stage }: { readonly stage: string }) => {
    say(stage);
  },
  began: () => undefined,
  routed: () => undefined,
  continued: () => {
    say('continued');
  },
};
await inspector.find(signal);
if (work === 'generation') {
  const what = { text: text.slice(0, 200), tokens: 100_000, sampling: { temperature: 1, seed: 1 }, memory: 1e9 };
  for (;;) await client.continue(model, what, sink, signal);
}
for (;;) await client.analyze(model, text, sink, signal);
