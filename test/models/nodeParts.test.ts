import { expect, it } from 'vitest';
import { partOfForeignNode, partOfNode } from '../../extension/models/nodeParts.ts';

it.each([
  ['/Gather#0', 'Gather', 'embeddings'],
  ['/SimplifiedLayerNormalization#1', 'SimplifiedLayerNormalization', 'norms'],
  ['layer.3/attention/FusedMatMul#12', 'FusedMatMul', 'mixers'],
  ['layer.3/attention/SimplifiedLayerNormalization#13', 'SimplifiedLayerNormalization', 'mixers'],
  ['layer.3/moe/router/TopK#20', 'TopK', 'router'],
  ['layer.3/moe/experts/expert.17/FusedMatMul#99', 'FusedMatMul', 'experts'],
  ['layer.3/moe/experts/Gather#21', 'Gather', 'experts'],
  ['layer.3/moe/shared/FusedMatMul#120', 'FusedMatMul', 'sharedExperts'],
  ['layer.3/moe/Add#121', 'Add', 'rest'],
  ['layer.0/mlp/FusedMatMul#7', 'FusedMatMul', 'dense'],
  ['layer.3/SkipSimplifiedLayerNormalization#122', 'SkipSimplifiedLayerNormalization', 'norms'],
  ['cross.1/FusedMatMul#200', 'FusedMatMul', 'mixers'],
  ['head/LogSoftmax#3', 'LogSoftmax', 'head'],
] as const)('%s is of the part that its scopes name', (name, operator, part) => {
  expect(partOfNode(name, operator)).toBe(part);
});

it.each([
  ['/model/layers.0/attn/GroupQueryAttention', 'GroupQueryAttention', 'mixers'],
  ['/model/layers.0/moe/router/MatMul', 'MatMul', 'router'],
  ['/model/layers.0/moe/QMoE', 'QMoE', 'experts'],
  ['/model/layers.1/mlp/gate/MatMul', 'MatMul', 'router'],
  ['/model/layers.1/mlp/experts.3/gate_proj/MatMul', 'MatMul', 'experts'],
  ['/model/layers.1/mlp/shared_experts/up_proj/MatMul', 'MatMul', 'sharedExperts'],
  ['/model/layers.0/mlp/up_proj/MatMul', 'MatMul', 'dense'],
  ['/model/layers.0/input_layernorm/LayerNorm', 'SimplifiedLayerNormalization', 'norms'],
  ['/model/embed_tokens/Gather', 'Gather', 'embeddings'],
  ['/lm_head/MatMul', 'MatMul', 'head'],
  ['node_mul_17', 'Mul', undefined],
] as const)('%s of another exporter’s is of the part that its name tells', (name, operator, part) => {
  expect(partOfForeignNode(name, operator)).toBe(part);
});
