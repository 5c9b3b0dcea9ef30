/** Which part of a model a node of its graph belongs to, by the node's name. */
import type { ProfilePart } from '../protocol/profile.ts';

/** Of a graph of ours, whose scopes name the parts; see `Graph.in`. What ONNX Runtime fuses keeps the name of one of its nodes. */
export function partOfNode(name: string, operator: string): ProfilePart {
  if (/(^|\/)head\//.test(name)) return 'head';
  const [, mixer, inside] = /(?:^|\/)layer\.\d+\/(\w+)\/(\w+)?/.exec(name) ?? [];
  if (mixer === 'moe') {
    if (inside === 'router') return 'router';
    if (inside === 'shared') return 'sharedExperts';
    return inside === 'experts' ? 'experts' : 'rest';
  }
  if (mixer === 'mlp') return 'dense';
  if (mixer !== undefined || /(^|\/)cross\.\d+\//.test(name)) return 'mixers';
  if (/Norm/.test(operator)) return 'norms';
  if (operator === 'Gather') return 'embeddings';
  return 'rest';
}

/** Names in exports of others, in the order in which they are tried: what stands inside of another comes first. */
const FOREIGN: readonly (readonly [RegExp, ProfilePart])[] = [
  [/shared_?expert/, 'sharedExperts'],
  [/router|moe_gate|mlp\/gate\/|feed_forward\/gate\/|block_sparse_moe\/gate\/|top_?k/, 'router'],
  [/experts?\b|expert_|moe/, 'experts'],
  [/lm_?head|logits/, 'head'],
  [/attn|attention|rotary|mixer|conv|mamba/, 'mixers'],
  [/norm/, 'norms'],
  [/embed/, 'embeddings'],
  [/mlp|feed_?forward|ffn/, 'dense'],
];

/** Of a graph that others exported: undefined where its name tells nothing. */
export function partOfForeignNode(name: string, operator: string): ProfilePart | undefined {
  if (/^Q?MoE$/.test(operator)) return 'experts';
  if (operator === 'GroupQueryAttention' || operator === 'MultiHeadAttention') return 'mixers';
  const path = name.toLowerCase();
  const named = FOREIGN.find(([pattern]) => pattern.test(path))?.[1];
  return named ?? (/LayerNorm/.test(operator) ? 'norms' : undefined);
}
