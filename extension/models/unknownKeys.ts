/** What a config says that nobody has read: none of it may change the result. */
import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../formats/config.ts';

/**
 * Keys that say nothing of what a trained model computes for a text: bookkeeping of transformers, token ids, what is only of
 * training (dropout, jitter, losses, initialisation), of how it is computed, of storage and caches, of generation, of other modalities' towers, and of
 * layers that predict further tokens.
 */
const INERT: readonly RegExp[] = [
  /^_/,
  /^(architectures|auto_map|model_type|transformers_version|transformers\.js_config|tokenizer_class|problem_type)$/,
  /^(id2label|label2id|finetuning_task|task_specific_params|prefix|pruned_heads|class_num|num_labels|pool_type)$/,
  /^(is_decoder|is_encoder_decoder|add_cross_attention|cross_attention_hidden_size|tie_encoder_decoder|is_quantized)$/,
  /(^|_)dtype$/,
  /^(torchscript|use_bfloat16|tf_legacy_loss|pretraining_tp|ep_size|tp_plan|chunk_size_feed_forward|mamba_chunk_size|chunk_size)$/,
  /(^|_)(attn|attention|experts)_implementation(_internal|_autoset)?$/,
  /^output_(attentions|hidden_states|router_logits|past|scores|logits)$|^return_dict(_in_generate)?$|^num_logits_to_keep$|^calc_logits_for_entire_prompt$|kernels$/,
  /(^|_)caches?(d|_|$)/,
  /^(?!.*(expert|per_token))(.*_)?token(_ids?|_index)?$|(^|_)(start|end|newline|mask|pad|init)_id$|^org_vocab_size$/,
  /^(image|img|video|audio|vision|visual|vit|mm|anyres|projector|multi_modal)(_|$)|^(num_media_embeds|skip_cls_token)$/,
  /dropout|_pdrop$|jitter|droppath|drop_path/,
  /(^|_)init(_|$)|^initializer_|_init_scale$|^init_method|^rescale_prenorm_residual$|xavier/,
  /^(mamba_dt|time_step)_(min|max|floor|rank|init_floor|init_scheme|scale)$/,
  /(^|_)loss(_|$)|_coeff?$|^aux_loss|^router_z|^seq_aux$|^moe_capacity$/,
  /(^|_)mtp(_|$)|nextn/,
  /^(max|min)_(length|new_tokens)$|^(do_sample|early_stopping|num_beams|num_beam_groups|num_return_sequences|use_return_dict)$/,
  /^(temperature|top_p|typical_p|diversity_penalty|repetition_penalty|length_penalty|exponential_decay_length_penalty)$/,
  /^(no_repeat_ngram_size|encoder_no_repeat_ngram_size|bad_words_ids|remove_invalid_values|(begin_)?suppress_tokens)$/,
  /^(use_|enable_)?(flash|fused|fuse|liger|sdpa|xformers|triton|deepspeed|fsdp)(_|$)|^gradient_checkpointing$|^(bf16|fp16|fp32|tf32)$/,
  /(_parallel_(size|degree)|^world_size)$|^(trust_remote_code|revision|seed|num_key_value_groups)$/,
  /^(model_max_length|max_model_len|max_sequence_length|seq_length|n_ctx)$/,
  /^(unsloth|peft|lora|trl|wandb)_|^(for_llm_compressor|base_model_name_or_path|language|license|library_name|tags)$/,
];

/**
 * Refuses a config with keys that the family has not read and that could change the result. What says that something is off
 * passes, and so does what an outer config repeats of the text model's.
 *
 * @throws UserError `config-invalid` naming one of them, and how many there are
 */
export function refuseUnknownKeys(config: ConfigReader, architecture: string, text: unknown): void {
  const repeated = (name: string, value: unknown): boolean =>
    typeof text === 'object' &&
    text !== null &&
    JSON.stringify((text as Record<string, unknown>)[name]) === JSON.stringify(value);
  const unknown = config
    .unread()
    .filter(([name, value]) => !isOff(value) && !isInert(name.split('.').at(-1)!) && !repeated(name, value));
  const [first] = unknown;
  if (!first) return;
  const [name, value] = first;
  const more = unknown.length > 1 ? l10n.t` (and ${unknown.length - 1} more such keys)` : '';
  const shown = JSON.stringify(value).slice(0, 60);
  config.refuse(
    l10n.t`has ${name} ${shown}${more}: what that changes in ${architecture} is not known, and is not guessed`,
  );
}

function isInert(key: string): boolean {
  return INERT.some((pattern) => pattern.test(key));
}

function isOff(value: unknown): boolean {
  if (value === null || value === false || value === 0 || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
