/** What is said of models that do not open. */
import { describe, expect, it } from 'vitest';
import { describeModel, SUPPORTED_ARCHITECTURES } from '../../extension/models/families.ts';
import { nearestRelative, RELATIVES } from '../../extension/models/relatives.ts';
import { isUserError } from '../../extension/protocol/errors.ts';

function refusal(config: Record<string, unknown>): { code: string; message: string } {
  try {
    describeModel(config);
  } catch (error) {
    if (isUserError(error)) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('The model was not refused.');
}

describe('a model without experts', () => {
  it.each([
    [
      { architectures: ['LlamaForCausalLM'], num_hidden_layers: 16 },
      'LlamaForCausalLM has no experts: its 16 layers are dense.',
    ],
    [{ architectures: ['GPT2LMHeadModel'], n_layer: 12 }, 'GPT2LMHeadModel has no experts: its 12 layers are dense.'],
    [{ architectures: ['UnknownModel'] }, 'UnknownModel has no experts: it is dense.'],
    [
      { architectures: ['Gemma3ForConditionalGeneration'], text_config: { num_hidden_layers: 34, num_experts: null } },
      'Gemma3ForConditionalGeneration has no experts: its 34 layers are dense.',
    ],
    // What has layers beside the language model does not say how many that has.
    [
      {
        architectures: ['Qwen2_5OmniModel'],
        token2wav_config: { num_hidden_layers: 22 },
        thinker_config: { text_config: { num_hidden_layers: 28 } },
      },
      'Qwen2_5OmniModel has no experts: it is dense.',
    ],
    // Granite 4 has dense models under the name of those with experts.
    [
      {
        architectures: ['GraniteMoeHybridForCausalLM'],
        num_hidden_layers: 40,
        num_local_experts: 0,
        num_experts_per_tok: 0,
      },
      'GraniteMoeHybridForCausalLM has no experts: its 40 layers are dense.',
    ],
  ])('%j is told from an MoE', (config, sentence) => {
    const { code, message } = refusal(config);
    expect(code).toBe('not-moe');
    expect(message).toContain(sentence);
  });
});

describe('an architecture that is not supported', () => {
  it('is named with the nearest one that is, what is different, and how to add it', () => {
    const { code, message } = refusal({ architectures: ['FlexOlmoForCausalLM'], num_experts: 7 });
    expect(code).toBe('architecture-unsupported');
    expect(message).toBe(
      'FlexOlmoForCausalLM is not supported yet: nearest is OlmoeForCausalLM (OLMoE), but with norms after each branch instead of before. CONTRIBUTING.md says how to add a family.',
    );
  });

  it('is no dense one where its experts are counted in a section of a section', () => {
    const { code, message } = refusal({
      architectures: ['Qwen3OmniMoeForConditionalGeneration'],
      code2wav_config: { num_hidden_layers: 8 },
      thinker_config: { text_config: { num_hidden_layers: 48, num_experts: 128 } },
    });
    expect(code).toBe('architecture-unsupported');
    expect(message).toContain('nearest is Qwen3MoeForCausalLM (Qwen3-MoE), but with towers for images and sound');
  });

  it.each([
    [{ n_routed_experts: 64, kv_lora_rank: 512, scoring_func: 'sigmoid' }, 'DeepseekV3ForCausalLM'],
    [{ n_routed_experts: 64, kv_lora_rank: 512 }, 'DeepseekV2ForCausalLM'],
    [{ num_experts: 64, score_function: 'sigmoid', num_shared_experts: 1 }, 'Glm4MoeForCausalLM'],
    [{ num_experts: 64, moe_router_score_func: 'sigmoid', num_shared_experts: 0 }, 'MiniMaxM2ForCausalLM'],
    [{ num_experts: 64, shared_expert_intermediate_size: 512 }, 'Qwen2MoeForCausalLM'],
    [{ text_config: { num_experts: 64, moe_intermediate_size: 512 } }, 'Qwen3MoeForCausalLM'],
    [{ thinker_config: { text_config: { num_experts: 64, moe_intermediate_size: 512 } } }, 'Qwen3MoeForCausalLM'],
    [{ num_local_experts: 8, mamba_d_state: 128 }, 'GraniteMoeHybridForCausalLM'],
    [{ num_local_experts: 8 }, 'MixtralForCausalLM'],
  ])('is judged by its config where nothing is known of it: %j', (config, nearest) => {
    const { message } = refusal({ architectures: ['NeverHeardOfForCausalLM'], ...config });
    expect(message).toContain(`NeverHeardOfForCausalLM is not supported yet: by its config it resembles ${nearest} (`);
  });

  it.each([
    // Each inherits its parts from the nearest one's in transformers.
    ['SolarOpenForCausalLM', 'Glm4MoeForCausalLM', 'experts in every layer, no QK norm, heads rotated whole'],
    ['AXK1ForCausalLM', 'DeepseekV3ForCausalLM', 'a norm after the experts'],
    [
      'Ernie4_5_VLMoeForConditionalGeneration',
      'Ernie4_5_MoeForCausalLM',
      'experts of text and of images apart, a vision tower',
    ],
  ])('%s is as %s, but with %s', (name, nearest, different) => {
    expect(nearestRelative(name, {})).toEqual({ nearest, different });
  });

  it('has a nearest one that opens, and does not open itself', () => {
    for (const name of RELATIVES) {
      expect(SUPPORTED_ARCHITECTURES).toContain(nearestRelative(name, {}).nearest);
      expect(SUPPORTED_ARCHITECTURES).not.toContain(name);
    }
  });
});

it.each([[['two words']], [['A\nB']], [['x'.repeat(1e6)]], ['LlamaForCausalLM'], [[7]], [[]], [null]])(
  'a name that is none is not repeated',
  (architectures) => {
    const { code, message } = refusal({ architectures });
    expect(code).toBe('config-invalid');
    expect(message.length).toBeLessThan(100);
  },
);
