import type { ConfigReader } from '../../formats/config.ts';
import type { DecoderSpec } from '../spec.ts';
import { llamaAttention, llamaDecoder, readSizes } from './common.ts';
import { graniteMoe as experts, graniteShared, withMultipliers } from './graniteParts.ts';

/** Granite 3 with experts: Llama's attention, softmax over the chosen logits. Defaults are transformers' own. */
export function graniteMoe(config: ConfigReader, architecture: string): DecoderSpec {
  return granite(config, architecture, 0);
}

/** The same with an expert that every token visits. */
export function graniteMoeShared(config: ConfigReader, architecture: string): DecoderSpec {
  return granite(config, architecture, config.countFromZero('shared_intermediate_size', 0));
}

function granite(config: ConfigReader, architecture: string, sharedSize: number): DecoderSpec {
  const sizes = readSizes(config, { context: 2048, epsilon: 1e-6 });
  const biased = config.flag('attention_bias', false);
  const attention = llamaAttention(config, sizes, { ropeBase: 10_000, biases: { qkv: biased, output: biased } });
  const scale = config.positive('attention_multiplier', 1);
  const moe = experts(config, sizes);
  const decoder = llamaDecoder(config, architecture, sizes, (prefix) => ({
    attention: { ...attention(`${prefix}.self_attn`), scale },
    ffn: {
      ...moe(`${prefix}.block_sparse_moe`),
      ...(sharedSize > 0 ? { shared: { mlp: graniteShared(`${prefix}.shared_mlp`, sizes, sharedSize) } } : {}),
    },
  }));
  return withMultipliers(config, decoder);
}
