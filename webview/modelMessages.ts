/** Shapes of the messages that the model page gets. */
import * as v from 'valibot';
import { MODEL_PARTS, type ModelPart } from '../extension/protocol/model.ts';
import { PRECISIONS, PROVIDERS } from '../extension/protocol/trace.ts';
import type { ToModelPage } from '../extension/protocol/webview.ts';

const index = v.pipe(v.number(), v.integer(), v.minValue(0));
const byPart = v.object(
  Object.fromEntries(MODEL_PARTS.map((part) => [part, v.number()])) as Record<ModelPart, v.NumberSchema<undefined>>,
);
const stored = v.object({ tensors: index, bytes: v.number() });

const inspection = v.object({
  folder: v.string(),
  name: v.string(),
  architecture: v.string(),
  family: v.string(),
  hiddenSize: v.number(),
  vocabulary: v.number(),
  context: v.number(),
  layers: v.array(
    v.object({
      stack: v.exactOptional(v.picklist(['encoder', 'decoder'])),
      mixer: v.exactOptional(v.string()),
      network: v.exactOptional(v.picklist(['moe', 'dense'])),
      router: v.exactOptional(index),
    }),
  ),
  routers: v.array(v.object({ experts: index, k: index, shared: v.boolean(), formula: v.string() })),
  source: v.object({ title: v.string(), url: v.pipe(v.string(), v.startsWith('https://')) }),
  parameters: v.object({ total: v.number(), active: v.number(), parts: byPart }),
  precisions: v.array(
    v.object({
      precision: v.picklist(PRECISIONS),
      total: v.number(),
      active: v.number(),
      parts: byPart,
      needed: v.number(),
      fits: v.boolean(),
      gpuOnly: v.exactOptional(v.literal(true)),
    }),
  ),
  memory: v.object({ free: v.number(), total: v.number() }),
  best: v.exactOptional(v.picklist(PRECISIONS)),
  layout: v.picklist(['one tensor an expert', 'all experts of a layer in one tensor']),
  stored: v.object({
    files: index,
    ...stored.entries,
    dtypes: v.array(v.object({ dtype: v.string(), ...stored.entries })),
  }),
  skipped: v.array(v.object({ what: v.string(), ...stored.entries })),
  tokenizer: v.boolean(),
  config: v.record(v.string(), v.unknown()),
});

const candidate = v.object({
  id: v.string(),
  rule: v.picklist(['fused', 'topk', 'mixer', 'argmax']),
  pattern: v.string(),
  scoring: v.picklist(['softmax', 'sigmoid']),
  layers: v.array(v.object({ layer: index, experts: index, k: index, node: v.string() })),
});

const finding = v.object({
  file: v.string(),
  version: v.string(),
  producer: v.string(),
  candidates: v.tupleWithRest([candidate], candidate),
});

const tensorRow = v.object({
  name: v.string(),
  dtype: v.string(),
  shape: v.array(index),
  bytes: index,
  file: v.string(),
});

export const toModelPage: v.GenericSchema<unknown, ToModelPage> = v.variant('type', [
  v.object({
    type: v.literal('model'),
    page: v.object({
      model: inspection,
      wanted: v.object({
        precision: v.picklist(['auto', ...PRECISIONS]),
        provider: v.picklist(['auto', ...PROVIDERS]),
      }),
      ran: v.exactOptional(
        v.object({ precision: v.string(), provider: v.string(), note: v.exactOptional(v.string()) }),
      ),
    }),
  }),
  v.object({ type: v.literal('foreign'), name: v.string(), finding }),
  v.object({ type: v.literal('reading'), name: v.string() }),
  v.object({ type: v.literal('failed'), name: v.string(), message: v.string() }),
  v.object({
    type: v.literal('tensors'),
    query: v.number(),
    from: index,
    found: v.object({ matching: index, rows: v.array(tensorRow) }),
  }),
  v.object({ type: v.literal('tensorsFailed'), query: v.number(), message: v.string() }),
]);
