/** Finds the routers of a graph that others wrote: by its structure; names only number the layers. */
import type { RouterCandidate } from '../../protocol/routers.ts';
import type { FoundRouter, RouterRule } from './found.ts';
import { fusedRouter } from './fused.ts';
import type { GraphIndex, Value } from './graphIndex.ts';
import { maximumRouters } from './maxima.ts';
import { topKRouter } from './topK.ts';

/** Routers that belong together, one a layer. */
export interface RouterSet {
  readonly candidate: RouterCandidate;
  /** In the order of the candidate's layers. */
  readonly routers: readonly FoundRouter[];
}

/**
 * Every set of routers that a graph may mean, most certain first: none for a dense model, more than one when the structure
 * does not tell which of them lead to experts.
 *
 * @param output the value that the routers must have a part in: the model's logits
 * @param depth all layers of the model, where that is known
 */
export function findRouters(index: GraphIndex, output: Value, depth: number | undefined): RouterSet[] {
  const used = index.ancestors(output);
  const nodes = index.graph.node.filter((node) => used.has(node));
  const fused = nodes.map((node) => fusedRouter(index, node)).filter((router) => router !== undefined);
  const maxima = maximumRouters(index).filter(
    ({ choice }) => choice.kind === 'nodes' && used.has(index.producer(choice.picks[0]!.indices)!),
  );
  const topK = nodes.map((node) => topKRouter(index, node)).filter((router) => router !== undefined);
  // Of several choices on the same logits the first rule's counts, and within a rule the last: those before it serve it.
  const routers = new Map<Value, FoundRouter>();
  for (const router of fused) routers.set(router.logits, router);
  const claimed = new Set(routers.keys());
  for (const router of maxima)
    if (router.rule === 'mixer' && !claimed.has(router.logits)) routers.set(router.logits, router);
  for (const key of routers.keys()) claimed.add(key);
  for (const router of topK) if (!claimed.has(router.logits)) routers.set(router.logits, router);
  for (const router of maxima) if (!routers.has(router.logits)) routers.set(router.logits, router);
  return nameSets(split([...routers.values()]), depth);
}

const ORDER: readonly RouterRule[] = ['fused', 'topk', 'mixer', 'argmax'];

/** Routers by what they look like, and by what they are called where a layer would have two. */
function split(routers: readonly FoundRouter[]): FoundRouter[][] {
  const sets: FoundRouter[][] = [];
  for (const alike of group(routers, ({ rule, pattern }) => `${rule} ${pattern}`)) {
    const layers = alike.map(layerOf);
    const twice = layers.includes(undefined) ? differ(alike) : new Set(layers).size < layers.length;
    sets.push(
      ...(twice
        ? group(alike, ({ experts, k, names }) => `${experts} ${k} ${names.join().replace(LAYER, '#')}`)
        : [alike]),
    );
  }
  return sets.sort((a, b) => ORDER.indexOf(a[0]!.rule) - ORDER.indexOf(b[0]!.rule) || b.length - a.length);
}

function differ(routers: readonly FoundRouter[]): boolean {
  return new Set(routers.map(({ experts, k }) => `${experts} ${k}`)).size > 1;
}

function group(routers: readonly FoundRouter[], keyOf: (router: FoundRouter) => string): FoundRouter[][] {
  const groups = new Map<string, FoundRouter[]>();
  for (const router of routers) {
    const key = keyOf(router);
    const others = groups.get(key);
    if (others) others.push(router);
    else groups.set(key, [router]);
  }
  return [...groups.values()];
}

/** As exporters spell the path of a layer's weights or nodes. */
const LAYER = /(?:^|[._/])(?:layers?|blocks?|h)[._/](\d{1,4})(?=[._/]|$)/g;

/** Index of the layer by the router's names; undefined where none tells it. */
function layerOf({ names }: FoundRouter): number | undefined {
  for (const name of names) {
    const [found] = name.matchAll(LAYER);
    if (found) return Number(found[1]);
  }
  return undefined;
}

function nameSets(sets: readonly (readonly FoundRouter[])[], depth: number | undefined): RouterSet[] {
  const ids = new Map<string, number>();
  return sets.map((set) => {
    const told = set.map(layerOf);
    // Without names the routers are counted: they are known by that if no layer is dense.
    const numbered = !told.includes(undefined) && new Set(told).size === told.length;
    const layers = set
      .map((router, i) => ({ router, layer: numbered ? told[i]! : i }))
      .sort((a, b) => a.layer - b.layer);
    const { rule, pattern, scoring } = set[0]!;
    const count = (ids.get(rule) ?? 0) + 1;
    ids.set(rule, count);
    return {
      candidate: {
        id: count === 1 ? rule : `${rule}-${count}`,
        rule,
        pattern,
        scoring,
        layers: layers.map(({ layer, router: { experts, k, node } }) => ({ layer, experts, k, node })),
        ...(numbered || layers.length === depth ? {} : ({ counted: true } as const)),
      },
      routers: layers.map(({ router }) => router),
    };
  });
}
