/** Each thing that can be wrong with a model is one sentence that names what is at fault. */
import { renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../extension/protocol/errors.ts';
import { TestEngine } from '../support/analyze.ts';
import { ScratchCheckpoint } from '../support/checkpoint.ts';
import { ROOT } from '../support/reference.ts';

let engine: TestEngine;
const scratch: ScratchCheckpoint[] = [];

beforeAll(() => {
  engine = new TestEngine();
});
afterEach(() => {
  while (scratch.length > 0) scratch.pop()!.dispose();
});
afterAll(() => {
  engine.dispose();
});

function copy(fixture?: string): ScratchCheckpoint {
  const checkpoint = new ScratchCheckpoint(fixture);
  scratch.push(checkpoint);
  return checkpoint;
}

/** Gives a tensor a name by which nobody asks for it. */
function rename(header: Record<string, unknown>, name: string): void {
  header[`${name}.renamed`] = header[name];
  Reflect.deleteProperty(header, name);
}

async function expectFailure(folder: string, code: ErrorCode, message: RegExp, text = 'route this'): Promise<void> {
  const failure = await engine.analyze(folder, text).then(
    () => undefined,
    (error: unknown) => error as Error & { code: string },
  );
  expect(failure).toBeDefined();
  expect(failure!.message).toMatch(message);
  expect(failure!.message).not.toContain('\n');
  expect(failure!.code).toBe(code);
}

describe('folder and config', () => {
  it('names a folder that is not there', () =>
    expectFailure('/no/such/folder', 'folder-missing', /\/no\/such\/folder/));
  it('tells a file from a folder', () =>
    expectFailure(join(ROOT, 'package.json'), 'folder-missing', /package\.json is not a folder/));
  it('misses config.json', () => expectFailure(copy().remove('config.json').folder, 'config-missing', /config\.json/));
  it('reads no broken config', () =>
    expectFailure(copy().write('config.json', '{"architectures":').folder, 'config-invalid', /not valid JSON/));
  it('wants an object', () => expectFailure(copy().write('config.json', '[]').folder, 'config-invalid', /JSON object/));
  it('wants no object within a thousand others', () =>
    expectFailure(
      copy().write('config.json', '{"a":'.repeat(1e5) + '1' + '}'.repeat(1e5)).folder,
      'config-invalid',
      /config\.json .* nested/,
    ));
  it('wants an architecture', () =>
    expectFailure(copy().config({ architectures: undefined }).folder, 'config-invalid', /architecture/));
  it('tells a dense model from an MoE', () =>
    expectFailure(
      copy().write('config.json', '{"architectures":["LlamaForCausalLM"],"hidden_size":64}').folder,
      'not-moe',
      /LlamaForCausalLM has no experts/,
    ));
  it('names an architecture it does not know', () =>
    expectFailure(
      copy().write('config.json', '{"architectures":["JetMoeForCausalLM"],"num_local_experts":8}').folder,
      'architecture-unsupported',
      /JetMoeForCausalLM is not supported yet/,
    ));
  it.each([
    ['num_local_experts', 1e9],
    ['num_local_experts', -1],
    ['num_hidden_layers', 2 ** 26],
    ['hidden_size', '64'],
    ['head_dim', 15],
    ['num_key_value_heads', 3],
    ['num_experts_per_tok', 9],
    ['hidden_act', 'gelu'],
    ['rope_parameters', { rope_type: 'spiral', rope_theta: 1e6 }],
    ['rms_norm_eps', 'small'],
    ['tie_word_embeddings', 'yes'],
  ])('refuses %s = %j', (key, value) =>
    expectFailure(copy().config({ [key]: value }).folder, 'config-invalid', /config\.json/),
  );
  it.each([
    ['n_group', 5],
    ['topk_group', 5],
    ['num_experts_per_tok', 4],
    ['n_routed_experts', 0],
    ['moe_layer_freq', 2],
    ['scoring_func', 'softmax'],
    ['topk_method', 'greedy'],
    ['num_key_value_heads', 1],
    ['first_k_dense_replace', -1],
    ['rope_scaling', { type: 'yarn', mscale_all_dim: 1 }],
  ])('refuses %s = %j of DeepSeek-V3', (key, value) =>
    expectFailure(copy('deepseek_v3-odd').config({ [key]: value }).folder, 'config-invalid', /config\.json/),
  );
});

describe('weights', () => {
  const weights = 'model.safetensors';
  it('never opens a pickle', () =>
    expectFailure(
      copy().remove(weights).write('pytorch_model.bin', 'x').folder,
      'weights-missing',
      /pytorch_model\.bin.*pickle/,
    ));
  it.each<[string, (c: ScratchCheckpoint) => string]>([
    ['beside a config', (c) => c.folder],
    ['alone', (c) => c.remove('config.json').folder],
    ['chosen itself', (c) => c.path('tiny-Q4_K_M.gguf')],
  ])('does not read GGUF, and says so: %s', (_, of) =>
    expectFailure(
      of(copy().remove(weights).remove('reference.safetensors').write('tiny-Q4_K_M.gguf', 'GGUF')),
      'weights-missing',
      /^tiny-Q4_K_M\.gguf is in llama\.cpp's format, which MoEScope does not read/,
    ),
  );
  it('reads safetensors beside which there is a GGUF', () =>
    expectFailure(copy().write('tiny.gguf', 'GGUF').folder, 'text-empty', /no text/, ''));
  it('misses the index of shards', () =>
    expectFailure(
      copy('mixtral-odd').remove('model.safetensors.index.json').folder,
      'weights-missing',
      /^model\.safetensors\.index\.json is missing beside model-00001-of-00002\.safetensors in /,
    ));
  it('names the safetensors that are not the model', () => {
    const checkpoint = copy().remove('reference.safetensors');
    renameSync(checkpoint.path(weights), checkpoint.path('model.fp16.safetensors'));
    return expectFailure(
      checkpoint.folder,
      'weights-missing',
      /^There is no model\.safetensors in .*, only model\.fp16\.safetensors\./,
    );
  });
  it('tells a pointer of Git LFS from a damaged file', () =>
    expectFailure(
      copy().point(weights).folder,
      'weights-missing',
      /^model\.safetensors is only a Git LFS pointer: run "git lfs pull"/,
    ));
  it.each([
    ['config.json', 'config-invalid'],
    ['model.safetensors.index.json', 'weights-invalid'],
  ] as const)('tells a pointer of Git LFS from JSON that is none: %s', (name, code) =>
    expectFailure(
      copy('mixtral-odd').point(name).folder,
      code,
      new RegExp(`^${name} is only a Git LFS pointer: run "git lfs pull"`),
    ),
  );
  it('misses the file', () => expectFailure(copy().remove(weights).folder, 'weights-missing', /no model\.safetensors/));
  it('notices a file cut short', () => {
    const checkpoint = copy();
    truncateSync(checkpoint.path(weights), 600_000);
    return expectFailure(checkpoint.folder, 'weights-invalid', /cut short/);
  });
  it('notices a file that ends in its header', () => {
    const checkpoint = copy();
    truncateSync(checkpoint.path(weights), 100);
    return expectFailure(checkpoint.folder, 'weights-invalid', /ends inside its header/);
  });
  it('believes no enormous header', () =>
    expectFailure(
      copy().write(weights, Buffer.from('ffffffffffffff7f7b7d', 'hex')).folder,
      'weights-invalid',
      /header claims/,
    ));
  it('reads no header that is not JSON', () =>
    expectFailure(
      copy().write(weights, Buffer.concat([Buffer.from([4, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('nope')])).folder,
      'weights-invalid',
      /not JSON/,
    ));
  it('catches a header that lies about a size', () =>
    expectFailure(
      copy().header((h) => (h['model.norm.weight']!.shape = [65])).folder,
      'weights-invalid',
      /"model\.norm\.weight" claims 128 bytes.*130/,
    ));
  it('catches a header that points outside', () =>
    expectFailure(
      copy().header((h) => (h['model.norm.weight']!.data_offsets = [2 ** 40, 2 ** 40 + 128])).folder,
      'weights-invalid',
      /"model\.norm\.weight".*cut short/,
    ));
  it('names a type that it does not read', () =>
    expectFailure(
      copy().header((h) => {
        const [begin, end] = h['model.norm.weight']!.data_offsets as [number, number];
        h['model.norm.weight'] = { dtype: 'F4', shape: [64], data_offsets: [begin, begin + 32] };
        h['rest'] = { dtype: 'U8', shape: [96], data_offsets: [begin + 32, end] };
      }).folder,
      'weights-invalid',
      /The tensor model\.norm\.weight is stored as F4, which is not supported yet/,
    ));
  it('names a missing tensor', () =>
    expectFailure(
      copy().header((h) => {
        rename(h, 'model.layers.2.block_sparse_moe.experts.5.w2.weight');
      }).folder,
      'weights-invalid',
      /lacks the tensor model\.layers\.2\.block_sparse_moe\.experts\.5\.w2\.weight/,
    ));
  it('names a tensor of another shape than the config says', () =>
    expectFailure(
      copy().config({ intermediate_size: 48 }).folder,
      'weights-invalid',
      /experts\.0\.w1\.weight has the shape \[96, 64\].*\[48, 64\]/,
    ));
  it('names a missing shard', () =>
    expectFailure(
      copy('mixtral-odd').remove('model-00002-of-00002.safetensors').folder,
      'weights-missing',
      /model-00002-of-00002\.safetensors/,
    ));
  it('lets no index lead out of the folder', () =>
    expectFailure(
      copy()
        .remove(weights)
        .write('model.safetensors.index.json', '{"weight_map":{"model.norm.weight":"../../etc/passwd"}}').folder,
      'weights-invalid',
      /no proper file/,
    ));
  const fp8 = 'deepseek_v3-odd';
  it('misses the scales of FP8 weights', () =>
    expectFailure(
      copy(fp8).header((h) => {
        rename(h, 'model.layers.1.self_attn.kv_b_proj.weight_scale_inv');
      }).folder,
      'weights-invalid',
      /lacks the tensor model\.layers\.1\.self_attn\.kv_b_proj\.weight_scale_inv/,
    ));
  it('names scales that do not fit their blocks', () =>
    expectFailure(
      copy(fp8).config({ quantization_config: { quant_method: 'fp8', weight_block_size: [128, 128] } }).folder,
      'weights-invalid',
      /_proj\.weight_scale_inv has the shape .* but config\.json implies/,
    ));
  it('reads no FP8 weights without blocks', () =>
    expectFailure(
      copy(fp8).config({ quantization_config: { quant_method: 'fp8' } }).folder,
      'weights-invalid',
      /_proj\.weight is stored as F8_E4M3/,
    ));
  it('names a way of quantizing that it does not know', () =>
    expectFailure(
      copy().config({ quantization_config: { quant_method: 'gptq', bits: 4 } }).folder,
      'config-invalid',
      /quant_method "gptq"/,
    ));
  it('shows no routing by scores that are not numbers, which a training that has diverged leaves', () =>
    expectFailure(
      copy().element('model.layers.2.block_sparse_moe.gate.weight', NaN).folder,
      'weights-invalid',
      /^The router of layer 2 gives scores that are not numbers.*another checkpoint/,
    ));
  it('says how much memory a model needs before loading it', () => {
    // 2 TB of bfloat16 that take no disk: the file is a hole.
    const checkpoint = copy().config({ vocab_size: 2 ** 26, hidden_size: 2 ** 13, tie_word_embeddings: true });
    const shapes: Record<string, number[]> = {
      'model.embed_tokens.weight': [2 ** 26, 2 ** 13],
      'model.norm.weight': [2 ** 13],
    };
    const [h, q, kv, i] = [2 ** 13, 64, 32, 96];
    for (let l = 0; l < 4; l++) {
      const at = `model.layers.${l}`;
      shapes[`${at}.input_layernorm.weight`] = shapes[`${at}.post_attention_layernorm.weight`] = [h];
      shapes[`${at}.self_attn.q_proj.weight`] = [q, h];
      shapes[`${at}.self_attn.k_proj.weight`] = shapes[`${at}.self_attn.v_proj.weight`] = [kv, h];
      shapes[`${at}.self_attn.o_proj.weight`] = [h, q];
      shapes[`${at}.block_sparse_moe.gate.weight`] = [8, h];
      for (let e = 0; e < 8; e++) {
        const expert = `${at}.block_sparse_moe.experts.${e}`;
        shapes[`${expert}.w1.weight`] = shapes[`${expert}.w3.weight`] = [i, h];
        shapes[`${expert}.w2.weight`] = [h, i];
      }
    }
    let end = 0;
    const header = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => {
        const bytes = shape.reduce((a, b) => a * b, 2);
        return [name, { dtype: 'BF16', shape, data_offsets: [end, (end += bytes)] }];
      }),
    );
    const text = Buffer.from(JSON.stringify(header));
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(text.length));
    writeFileSync(checkpoint.path(weights), Buffer.concat([prefix, text]));
    truncateSync(checkpoint.path(weights), 8 + text.length + end);
    return expectFailure(checkpoint.folder, 'model-too-large', /needs 2\d\d\d\.\d GB.* GB are free/);
  });
});

describe('tokenizer and text', () => {
  it('misses tokenizer.json', () =>
    expectFailure(copy().remove('tokenizer.json').folder, 'tokenizer-missing', /no tokenizer\.json/));
  it.each(['', '{', '[]', '{"version":"1.0","model":{"type":"BPE"}}', '\0\0\0'])(
    'reads no broken tokenizer: %j',
    (text) => expectFailure(copy().write('tokenizer.json', text).folder, 'tokenizer-invalid', /tokenizer\.json/),
  );
  it('tells a pointer of Git LFS from a broken tokenizer', () =>
    expectFailure(
      copy().point('tokenizer.json').folder,
      'tokenizer-invalid',
      /^tokenizer\.json is only a Git LFS pointer/,
    ));
  it('refuses ids beyond the vocabulary', async () => {
    const { readFileSync } = await import('node:fs');
    const foreign = readFileSync(join(ROOT, 'media/demo-models/balanced/tokenizer.json'));
    await expectFailure(copy().write('tokenizer.json', foreign).folder, 'tokenizer-invalid', /has only 512/);
  });
  it.each(['', '  \n\t '])('has nothing to say of the text %j', (text) =>
    expectFailure(copy().folder, 'text-empty', /no text/, text),
  );
});
