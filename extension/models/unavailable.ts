/** Models that are asked for and that nobody can open, and what comes nearest. */
import * as l10n from '@vscode/l10n';
import type { UnavailableModel } from '../protocol/model.ts';

export const UNAVAILABLE: readonly UnavailableModel[] = [
  {
    name: 'GPT-4',
    why: l10n.t`is closed: its weights were never published`,
    nearest: l10n.t`gpt-oss, by the same makers`,
  },
  {
    name: 'Gemini',
    why: l10n.t`is closed: its weights were never published`,
    nearest: l10n.t`Gemma 4 26B-A4B, by the same makers`,
  },
  {
    name: 'GLaM',
    why: l10n.t`was never released`,
    nearest: l10n.t`its shape, top-2 with experts in every other layer: a Qwen3-MoE config with \`decoder_sparse_step\` 2`,
  },
];
