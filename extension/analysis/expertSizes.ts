/** How large experts are, and what a model has beside them. */
import type { ModelInfo } from '../protocol/trace.ts';

interface Size {
  readonly parameters: number;
  readonly bytes: number;
}

export interface ExpertSizes {
  /** Parameters and bytes of one routed expert of each MoE layer. */
  readonly parameters: readonly number[];
  readonly bytes: readonly number[];
  /** What is not a routed expert, and all there is. */
  readonly rest: Size;
  readonly all: Size;
  /** Bytes of the rest of which a token reads no more than a row: embeddings that are not the head, too. */
  readonly lookedUp: number;
  /** Not from the weights, but from what the model has in all and what of it is active, all experts taken to be of one size. */
  readonly derived: boolean;
}

/** Sizes of a model's experts; undefined where nothing tells them. */
export function expertSizes(model: ModelInfo): ExpertSizes | undefined {
  const { anatomy, moeLayers, parameters, bytes, precision } = model;
  const total = (each: readonly number[], rest: number): number =>
    each.reduce((sum, size, i) => sum + size * moeLayers[i]!.experts, rest);
  if (anatomy) {
    const each = (of: keyof Size): number[] => anatomy.experts.map((expert) => expert[of]);
    const rest = (of: keyof Size): number =>
      Object.entries(anatomy[of]).reduce((sum, [part, size]) => (part === 'experts' ? sum : sum + size), 0);
    const [ofParameters, ofBytes] = [rest('parameters'), rest('bytes')];
    return {
      parameters: each('parameters'),
      bytes: each('bytes'),
      rest: { parameters: ofParameters, bytes: ofBytes },
      all: { parameters: total(each('parameters'), ofParameters), bytes: total(each('bytes'), ofBytes) },
      lookedUp: anatomy.parameters.head > 0 ? anatomy.bytes.embeddings : 0,
      derived: false,
    };
  }
  const width = bytesPerParameter(precision);
  const inBytes = bytes ?? { total: parameters.total * width, active: parameters.active * width };
  const idle = moeLayers.reduce((sum, { experts, k }) => sum + experts - k, 0);
  const experts = moeLayers.reduce((sum, layer) => sum + layer.experts, 0);
  const share = (of: ModelInfo['parameters']): { one: number; rest: number } => {
    const one = (of.total - of.active) / idle;
    return { one, rest: Math.max(0, of.total - one * experts) };
  };
  const [ofParameters, ofBytes] = [share(parameters), share(inBytes)];
  if (!(ofParameters.one > 0) || !Number.isFinite(ofParameters.one)) return undefined;
  return {
    parameters: moeLayers.map(() => ofParameters.one),
    bytes: moeLayers.map(() => ofBytes.one),
    rest: { parameters: ofParameters.rest, bytes: ofBytes.rest },
    all: { parameters: parameters.total, bytes: inBytes.total },
    lookedUp: 0,
    derived: true,
  };
}

/** Bytes of a parameter at a precision, scales of blocks left out; those of published weights, BF16, where it says nothing. */
export function bytesPerParameter(precision: string): number {
  if (/32/.test(precision)) return 4;
  if (/int4|fp4|4.?bit|\bq4/i.test(precision)) return 0.5;
  if (/int8|fp8|float8|8.?bit|\bq8/i.test(precision)) return 1;
  return 2;
}
