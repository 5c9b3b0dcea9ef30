/** A host that is killed, as when a window is closed or its extension host crashes, leaves no process behind. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { isAlive } from '../support/kills.ts';
import { ROOT } from '../support/reference.ts';
import { writeSparseCheckpoint } from '../support/sparseCheckpoint.ts';

const scratch = mkdtempSync(join(tmpdir(), 'moescope-orphans-'));
const many = join(scratch, 'many-experts');
let host: ChildProcess | undefined;
beforeAll(() => {
  writeSparseCheckpoint(many, MANY_EXPERTS, 1);
  copyFileSync(join(ROOT, 'test/fixtures/checkpoints/qwen3_moe/tokenizer.json'), join(many, 'tokenizer.json'));
});
afterEach(() => {
  host?.kill('SIGKILL');
  rmSync(join(scratch, 'cache'), { recursive: true, force: true });
});
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

/** Small matrices, but so many of them that ONNX Runtime needs many seconds for a session, in one call. */
const MANY_EXPERTS = {
  ...{ architectures: ['Qwen3MoeForCausalLM'], model_type: 'qwen3_moe', vocab_size: 512, hidden_size: 64 },
  ...{ intermediate_size: 64, moe_intermediate_size: 64, num_hidden_layers: 20, num_attention_heads: 4 },
  ...{ num_key_value_heads: 4, head_dim: 16, num_experts: 256, num_experts_per_tok: 2, tie_word_embeddings: true },
  ...{ max_position_embeddings: 512, decoder_sparse_step: 1, mlp_only_layers: [], norm_topk_prob: true },
};

/** Ids of a process's children. */
function childrenOf(pid: number): number[] {
  return execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([child, parent]) => (parent === pid ? [child!] : []));
}

test.skipIf(process.platform === 'win32').each(['load', 'import', 'route', 'generation'])(
  'killed in %s, it takes engine and inspector along',
  async (work) => {
    const folder = work === 'load' || work === 'import' ? many : join(ROOT, 'media/demo-models/balanced');
    const script = join(ROOT, 'test/support/host.ts');
    host = spawn(
      process.execPath,
      ['--experimental-transform-types', '--no-warnings', script, work, folder, join(scratch, 'cache')],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await new Promise((resolve) => host!.stdout!.once('data', resolve));
    const children = childrenOf(host.pid!);
    expect(children).toHaveLength(2);
    host.kill('SIGKILL');
    await expect.poll(() => children.filter(isAlive), { timeout: 10_000 }).toEqual([]);
  },
);
