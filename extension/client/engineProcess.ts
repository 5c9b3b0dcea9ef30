import type { ContinueParams } from '../protocol/continuation.ts';
import {
  fromEngine,
  toEngine,
  type AnalyzeParams,
  type AnalyzeResult,
  type BalanceParams,
  type CachedModel,
  type ClearedCache,
  type MeasureParams,
  type OpenParams,
  type ProfileParams,
  type TokenizeParams,
  type TokenRanges,
} from '../protocol/engine.ts';
import type { FittedBias } from '../protocol/intervention.ts';
import type { ModelProfile } from '../protocol/profile.ts';
import type { ModelInfo, Provider } from '../protocol/trace.ts';
import type { EngineSink } from './engineClient.ts';
import { PeerProcess, type PeerOptions } from './peerProcess.ts';

/** One life of the engine process. */
export class EngineProcess extends PeerProcess {
  constructor(options: PeerOptions, sinks: ReadonlyMap<number, Partial<EngineSink>>) {
    super('engine', { ...options, env: engineEnv(), inTurn: true }, (connection) => {
      connection.onNotification(fromEngine.progress, (p) => sinks.get(p.run)?.progress?.(p));
      connection.onNotification(fromEngine.began, (b) => sinks.get(b.run)?.began?.(b));
      connection.onNotification(fromEngine.continued, (c) => sinks.get(c.run)?.continued?.(c));
      connection.onNotification(fromEngine.measured, (m) => sinks.get(m.run)?.measured?.(m));
      connection.onNotification(fromEngine.routed, (r) => sinks.get(r.run)?.routed?.(r));
    });
  }

  open(params: OpenParams, signal: AbortSignal): Promise<ModelInfo> {
    return this.request(signal, (connection, token) => connection.sendRequest(toEngine.open, params, token));
  }

  analyze(params: AnalyzeParams, signal: AbortSignal): Promise<AnalyzeResult> {
    return this.request(signal, (connection, token) => connection.sendRequest(toEngine.analyze, params, token));
  }

  measure(params: MeasureParams, signal: AbortSignal): Promise<null> {
    return this.request(signal, (connection, token) => connection.sendRequest(toEngine.measure, params, token));
  }

  balance(params: BalanceParams, signal: AbortSignal): Promise<readonly FittedBias[]> {
    return this.request(signal, (connection, token) => connection.sendRequest(toEngine.balance, params, token));
  }

  profile(params: ProfileParams, signal: AbortSignal): Promise<ModelProfile> {
    return this.request(signal, (connection, token) => connection.sendRequest(toEngine.profile, params, token));
  }

  continue(params: ContinueParams, signal: AbortSignal): Promise<number> {
    return this.request(signal, (connection, token) => connection.sendRequest(toEngine.continue, params, token));
  }

  tokenize(params: TokenizeParams, signal: AbortSignal): Promise<TokenRanges> {
    return this.request(signal, (connection, token) => connection.sendRequest(toEngine.tokenize, params, token));
  }

  listCache(cache: string, signal: AbortSignal): Promise<CachedModel[]> {
    return this.request(signal, (connection, token) => connection.sendRequest(toEngine.listCache, { cache }, token));
  }

  clearCache(cache: string, signal: AbortSignal): Promise<ClearedCache> {
    return this.request(signal, (connection, token) => connection.sendRequest(toEngine.clearCache, { cache }, token));
  }

  providers(signal: AbortSignal): Promise<readonly Provider[]> {
    return this.request(signal, (connection, token) => connection.sendRequest(toEngine.providers, token), false);
  }
}

/** Has glibc ask Linux for huge pages where it hands out large blocks. */
const HUGE_PAGES = 'glibc.malloc.hugetlb=1';

function engineEnv(): NodeJS.ProcessEnv {
  const { GLIBC_TUNABLES: own } = process.env;
  return {
    // Passes take memory and give it back: without huge pages, a page fault for every 4 KiB, and a tenth of the time.
    GLIBC_TUNABLES: own ? `${own}:${HUGE_PAGES}` : HUGE_PAGES,
    // From 1.29 on ONNX Runtime for Linux and macOS marks the machine with an identifier and sends Microsoft which models it ran.
    ORT_DISABLE_TELEMETRY: '1',
  };
}
