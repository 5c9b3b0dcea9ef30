/**
 * What serving a model takes, by arithmetic on its sizes (a roofline: Williams, Waterman and Patterson, CACM 52, 2009): a step takes as
 * long as reading its bytes or computing its operations, whichever is longer. 2 operations a parameter and token; attention's own are left out.
 */

export interface Workload {
  /** Requests that decode together; no more than there are. */
  readonly batch: number;
  /** Tokens of a prompt and of an answer. */
  readonly prompt: number;
  readonly output: number;
  readonly requests: number;
}

export interface Hardware {
  /** Of all devices together: bytes, bytes per second, operations per second. */
  readonly memory: number;
  readonly bandwidth: number;
  readonly compute: number;
  /** Bytes per second at which weights are loaded. */
  readonly loading: number;
}

export interface Serving {
  /** Bytes of all weights. */
  readonly weights: number;
  /** Parameters that a token uses. */
  readonly active: number;
  /** Bytes of weights that a step of the batch reads. */
  readonly read: number;
  /** Bytes that a token takes of the KV cache. */
  readonly cache: number;
}

export interface Cost {
  /** Bytes of weights and of the KV cache of a full batch. */
  readonly memory: number;
  readonly fits: boolean;
  /** Seconds until the first token of a request that is alone in its prefill. */
  readonly prefill: number;
  /** Seconds of a decoding step, with half the answer written. */
  readonly step: number;
  /** What the step waits for. */
  readonly bound: 'memory' | 'computing';
  /** Tokens per second of all requests. */
  readonly rate: number;
  /** Seconds of all requests, batch after batch, and of loading the weights before. */
  readonly job: number;
  readonly load: number;
}

export function costOf({ weights, active, read, cache }: Serving, work: Workload, machine: Hardware): Cost {
  const { batch, prompt, output, requests } = work;
  const memory = weights + batch * (prompt + output) * cache;
  const reading = (read + batch * (prompt + output / 2) * cache) / machine.bandwidth;
  const computing = (2 * active * batch) / machine.compute;
  const step = Math.max(reading, computing);
  // A prompt reads all of the weights once, more or less.
  const prefill = Math.max(weights / machine.bandwidth, (2 * active * prompt) / machine.compute);
  const load = weights / machine.loading;
  const batches = Math.ceil(requests / batch);
  return {
    memory,
    fits: memory <= machine.memory,
    prefill,
    step,
    bound: reading >= computing ? 'memory' : 'computing',
    rate: batch / step,
    job: load + requests * prefill + batches * output * step,
    load,
  };
}
