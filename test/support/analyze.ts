import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EngineClient } from '../../extension/client/engineClient.ts';
import { traceOf } from '../../extension/client/textRouter.ts';
import { CACHE_LIMIT } from '../../extension/protocol/defaults.ts';
import type { LogLine, ModelRequest } from '../../extension/protocol/engine.ts';
import type { Intervention, Measured } from '../../extension/protocol/intervention.ts';
import type { RoutingTrace } from '../../extension/protocol/trace.ts';
import { ROOT } from './reference.ts';

/** The real engine with a cache of its own. */
export class TestEngine {
  readonly cache = mkdtempSync(join(tmpdir(), 'moescope-test-'));
  readonly log: LogLine[] = [];
  readonly client: EngineClient;

  constructor(entry = join(ROOT, 'dist/engine.js'), execArgv: readonly string[] = []) {
    this.client = new EngineClient({ entry, execArgv, log: (line) => this.log.push(line) });
  }

  model(folder: string, options: Partial<ModelRequest> = {}): ModelRequest {
    const common = { cache: this.cache, cacheLimit: CACHE_LIMIT, threads: 0, context: 0 };
    return { folder, ...common, precision: 'auto', provider: 'auto', ...options };
  }

  analyze(folder: string, text: string, options: Partial<ModelRequest> = {}, generate = 0): Promise<RoutingTrace> {
    const { signal } = new AbortController();
    return traceOf((sink) => this.client.analyze(this.model(folder, options), text, sink, signal, generate));
  }

  dispose(): void {
    this.client.dispose();
    rmSync(this.cache, { recursive: true, force: true });
  }
}

/** What becomes of a text under interventions, of each of them and in their order. */
export async function measureText(
  engine: TestEngine,
  folder: string,
  text: string,
  interventions: readonly Intervention[],
  options: Partial<ModelRequest> = {},
): Promise<Measured[]> {
  const measured: Measured[] = [];
  await engine.client.measure(
    engine.model(folder, options),
    { text, interventions, logProb: true, routing: true },
    { progress: () => undefined, began: () => undefined, measured: (m) => (measured[m.index] = m) },
    new AbortController().signal,
  );
  const answered = Object.keys(measured).length;
  if (answered !== interventions.length) throw new Error(`${answered} of ${interventions.length} were measured`);
  return measured;
}
