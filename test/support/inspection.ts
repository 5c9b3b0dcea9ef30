import { MODEL_PARTS, type Inspection, type ModelPart } from '../../extension/protocol/model.ts';
import { PRECISIONS, type Precision } from '../../extension/protocol/trace.ts';

export interface InspectionOptions extends Partial<Inspection> {
  /** Bytes of memory that it takes to run, and that are free. */
  readonly needed: Readonly<Record<Precision, number>>;
  readonly free: number;
}

/** A model of DeepSeek-V2-Lite's kind, of four layers. */
export function inspectionOf({ needed, free, ...changes }: InspectionOptions): Inspection {
  const parts = Object.fromEntries(MODEL_PARTS.map((part) => [part, 1e8])) as Record<ModelPart, number>;
  parts.experts = 14.9e9;
  const total = Object.values(parts).reduce((a, b) => a + b);
  const best = (['float32', 'int8', 'int4'] as const).find((precision) => needed[precision] <= free);
  const moe = { mixer: 'latent attention', network: 'moe', router: 0 } as const;
  return {
    folder: '/models/lite',
    name: 'lite',
    architecture: 'DeepseekV2ForCausalLM',
    family: 'DeepSeek-V2 and Lite',
    hiddenSize: 2048,
    vocabulary: 102_400,
    context: 163_840,
    layers: [{ mixer: 'latent attention', network: 'dense' }, moe, moe, moe],
    routers: [
      {
        experts: 64,
        k: 6,
        shared: true,
        formula: 'p = softmax(Wx),  T = top 6 of 64 by p,  w = p,  y = Σ w·f(x) + shared(x)',
      },
    ],
    source: { title: 'arXiv 2405.04434', url: 'https://arxiv.org/abs/2405.04434' },
    parameters: { total, active: total - (58 / 64) * parts.experts, parts },
    precisions: PRECISIONS.map((precision) => {
      const bytes = (needed[precision] - 150 * 2 ** 20) / 1.15;
      const scale = bytes / total;
      const scaled = Object.fromEntries(MODEL_PARTS.map((part) => [part, parts[part] * scale])) as typeof parts;
      const active = (total - (58 / 64) * parts.experts) * scale;
      return {
        precision,
        total: bytes,
        active,
        parts: scaled,
        needed: needed[precision],
        fits: needed[precision] <= free,
        ...(precision === 'float16' ? { gpuOnly: true } : {}),
      };
    }),
    memory: { free, total: 2 * free },
    ...(best ? { best } : {}),
    layout: 'one tensor an expert',
    stored: { files: 4, tensors: 5270, bytes: 31.4e9, dtypes: [{ dtype: 'BF16', tensors: 5270, bytes: 31.4e9 }] },
    skipped: [],
    tokenizer: true,
    config: { architectures: ['DeepseekV2ForCausalLM'], hidden_size: 2048 },
    ...changes,
  };
}
