import type { LayerTrace } from '../protocol/trace.ts';
import type { MapRows } from '../protocol/webview.ts';
import type { DroppedLayer } from '../protocol/analyst.ts';
import type { RoutedText } from './routedText.ts';

/** Most rows of one answer: some screens full. A message is built in one go, so it must stay small. */
export const MAX_ROWS = 2_048;

/** Rows of tokens [from, to) as far as they are routed. Copies: a view would drag its whole buffer along. `dropped` by MoE layer. */
export function mapRows(routed: RoutedText, from: number, to: number, dropped?: readonly DroppedLayer[]): MapRows {
  const { trace } = routed;
  const first = Math.min(from, trace.routed);
  const last = Math.max(first, Math.min(to, trace.routed, first + MAX_ROWS));
  return {
    from: first,
    to: last,
    text: Array.from({ length: last - first }, (_, i) => routed.textOf(first + i)),
    ids: trace.tokens.ids.slice(first, last),
    logProb: trace.tokens.logProb.slice(first, last),
    layers: trace.layers.map((layer, i) => {
      const hit = dropped?.[i]!.dropped;
      return {
        chosen: chosenOnly(layer, layer.chosen, first, last),
        weight: chosenOnly(layer, layer.weight, first, last),
        entropy: layer.entropy.slice(first, last),
        margin: layer.margin.slice(first, last),
        ...(hit && { dropped: Float32Array.from(hit.subarray(first, last), (n) => n / layer.k) }),
      };
    }),
  };
}

/** The k chosen slots of each token, without the runners-up. */
function chosenOnly<A extends Uint16Array | Float32Array>(
  { candidates, k }: LayerTrace,
  column: A,
  from: number,
  to: number,
): A {
  const rows = column.slice(from * candidates, to * candidates) as A;
  if (candidates === k) return rows;
  for (let t = 1; t < to - from; t++) rows.copyWithin(t * k, t * candidates, t * candidates + k);
  return rows.slice(0, (to - from) * k) as A;
}
