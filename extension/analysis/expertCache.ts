/**
 * A device that holds no more than c experts of each MoE layer and fetches what else a token needs: the routing of a text
 * replayed, token by token and by descending weight, for every c at once. The policies here are such that what c experts hold is
 * among what c + 1 hold, so that one stack tells at what c an access would have been a hit (Mattson, Gecsei, Slutz and Traiger,
 * IBM Systems Journal 9, 1970).
 */
import { NO_EXPERT, type LayerTrace } from '../protocol/trace.ts';
import { isSeen } from './load.ts';

/** `static`: the experts of the highest load stay; what else is needed is fetched and not kept. */
export type CachePolicy = 'lru' | 'lfu' | 'static';

export interface CacheReplay {
  /** Slots replayed. */
  readonly accesses: number;
  readonly tokens: number;
  /**
   * Accesses that find their expert on the device when it holds c, at [c]; [E + 1]. The caches begin empty, and the static
   * choice is there from the start.
   */
  readonly hits: Readonly<Record<CachePolicy, Float64Array>>;
}

/**
 * Replays tokens [0, to) of a layer.
 *
 * @param hottest load that the static choice goes by; [E]
 */
export function replayCache(layer: LayerTrace, to: number, hottest: Float64Array): CacheReplay {
  const { chosen, candidates, k, experts } = layer;
  const counts = new Float64Array(experts);
  const lru = new Stack(experts);
  const lfu = new Stack(experts);
  let accesses = 0;
  let tokens = 0;
  for (let t = 0; t < to; t++) {
    if (!isSeen(layer, t)) continue;
    tokens += 1;
    for (let i = t * candidates; i < t * candidates + k; i++) {
      const e = chosen[i]!;
      if (e === NO_EXPERT) continue;
      accesses += 1;
      counts[e]! += 1;
      lru.access(e, accesses);
      // The more uses the longer it stays; among equals the later used.
      lfu.access(e, counts[e]! * 2 ** 32 + accesses);
    }
  }
  return { accesses, tokens, hits: { lru: lru.hits(), lfu: lfu.hits(), static: staticHits(counts, hottest) } };
}

/** Accesses that the c experts of the highest load serve, at [c]; [E + 1]. */
export function staticHits(counts: Float64Array, hottest: Float64Array): Float64Array {
  const hits = new Float64Array(counts.length + 1);
  hottestFirst(hottest).forEach((e, i) => {
    hits[i + 1] = hits[i]! + counts[e]!;
  });
  return hits;
}

/** Experts by descending load; among equals the lower number first. */
export function hottestFirst(load: Float64Array): number[] {
  return Array.from(load.keys()).sort((a, b) => load[b]! - load[a]! || a - b);
}

/** Experts as caches of every size would hold them: the first c are those of the cache of c. */
class Stack {
  readonly #stack: Uint16Array;
  /** Of each expert, as of its last access: of two, the one with the higher stays. */
  readonly #priority: Float64Array;
  /** Accesses at each depth, from 1. */
  readonly #depths: Float64Array;
  #size = 0;

  constructor(experts: number) {
    this.#stack = new Uint16Array(experts);
    this.#priority = new Float64Array(experts);
    this.#depths = new Float64Array(experts + 1);
  }

  /** @param priority no two experts ever have the same */
  access(expert: number, priority: number): void {
    const stack = this.#stack;
    const priorities = this.#priority;
    const size = this.#size;
    priorities[expert] = priority;
    // What is pushed off the top goes down until the accessed expert's old place; at each place the one that is to stay longer remains.
    let carried = expert;
    let carriedPriority = Infinity;
    for (let i = 0; i < size; i++) {
      const here = stack[i]!;
      if (here === expert) {
        stack[i] = carried;
        this.#depths[i + 1]! += 1;
        return;
      }
      const herePriority = priorities[here]!;
      if (carriedPriority > herePriority) {
        stack[i] = carried;
        carried = here;
        carriedPriority = herePriority;
      }
    }
    stack[size] = carried;
    this.#size = size + 1;
  }

  hits(): Float64Array {
    let sum = 0;
    return this.#depths.map((n) => (sum += n));
  }
}
