/**
 * Shapes of the messages that arrive. Typed arrays are checked by their class alone. VS Code sends messages as JSON with
 * the arrays beside it: a number that is NaN arrives as null.
 */
import * as v from 'valibot';
import { PALETTES, TINTS, type ToLoadView, type ToMap } from '../extension/protocol/webview.ts';

const index = v.pipe(v.number(), v.integer(), v.minValue(0));
const mayBeNaN = v.pipe(
  v.nullable(v.number()),
  v.transform((x) => x ?? NaN),
);

const shape = {
  layer: index,
  stack: v.exactOptional(v.picklist(['encoder', 'decoder'])),
  experts: v.pipe(index, v.minValue(1)),
  k: v.pipe(index, v.minValue(1)),
  candidates: index,
};

const model = v.object({
  name: v.string(),
  folder: v.string(),
  architecture: v.string(),
  layers: index,
  moeLayers: v.array(v.object(shape)),
  hiddenSize: v.number(),
  vocabulary: v.number(),
  context: v.number(),
  parameters: v.object({ total: v.number(), active: v.number() }),
  precision: v.string(),
  provider: v.string(),
  weightless: v.exactOptional(v.literal(true)),
});

export const viewState = v.object({
  key: v.exactOptional(v.string()),
  document: v.exactOptional(v.string()),
  model: v.exactOptional(model),
  layer: index,
  tint: v.picklist(TINTS),
  tokens: index,
  routed: index,
  staleFrom: index,
  following: v.exactOptional(v.literal(true)),
  running: v.exactOptional(v.object({ label: v.string(), fraction: v.exactOptional(v.number()) })),
  partial: v.exactOptional(v.string()),
  highlight: v.exactOptional(v.object({ layer: index, expert: index })),
  leadsNowhere: v.exactOptional(v.literal(true)),
  cursor: v.exactOptional(index),
  palette: v.picklist(PALETTES),
});

const layerLoads = v.array(
  v.object({ ...shape, counts: v.instance(Float64Array), meanEntropy: mayBeNaN, meanMargin: mayBeNaN }),
);

const state = v.object({ type: v.literal('state'), state: viewState });
const load = v.object({ type: v.literal('load'), layers: layerLoads });

const tokenLayer = v.object({ experts: v.array(index), weights: v.array(mayBeNaN) });

export const toLoadView: v.GenericSchema<unknown, ToLoadView> = v.variant('type', [
  state,
  load,
  v.object({
    type: v.literal('cursor'),
    token: v.exactOptional(
      v.object({
        text: v.string(),
        layers: v.array(tokenLayer),
      }),
    ),
  }),
  v.object({
    type: v.literal('written'),
    from: index,
    written: v.exactOptional(
      v.object({
        document: v.string(),
        model: v.string(),
        tokens: v.array(
          v.object({ text: v.string(), milliseconds: v.number(), logProb: mayBeNaN, layers: v.array(tokenLayer) }),
        ),
        moeLayers: v.array(v.object(shape)),
        done: v.boolean(),
      }),
    ),
  }),
]);

const rows = v.object({
  from: index,
  to: index,
  text: v.array(v.string()),
  ids: v.instance(Int32Array),
  logProb: v.instance(Float32Array),
  layers: v.array(
    v.object({
      chosen: v.instance(Uint16Array),
      weight: v.instance(Float32Array),
      entropy: v.instance(Float32Array),
      margin: v.instance(Float32Array),
      dropped: v.exactOptional(v.instance(Float32Array)),
    }),
  ),
});

export const toMap: v.GenericSchema<unknown, ToMap> = v.variant('type', [
  state,
  load,
  v.object({ type: v.literal('trace'), generation: v.number(), from: index, windows: v.instance(Uint32Array) }),
  v.object({ type: v.literal('rows'), generation: v.number(), rows }),
  v.object({ type: v.literal('reveal'), token: index, select: v.boolean() }),
]);
