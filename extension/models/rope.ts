import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../formats/config.ts';
import type { LongRopeSpec, RopeScaling, RopeSpec } from './spec.ts';

export interface RopeDefaults {
  /** The family's own base, for a config that names none. */
  readonly base: number;
  /** Width of a head; a config's `partial_rotary_factor` says which part of it is rotated. */
  readonly headDim: number;
  /** Positions the model was made for. */
  readonly context: number;
  /** The part of a head that is rotated, for a config that does not say; absent for families of which all is. */
  readonly part?: number;
}

/** What sections say, whichever of it the kind asks for. */
const PARAMETERS = [
  ...[
    'type',
    'rope_type',
    'rope_theta',
    'partial_rotary_factor',
    'factor',
    'original_max_position_embeddings',
    'attention_factor',
  ],
  ...['beta_fast', 'beta_slow', 'mscale', 'mscale_all_dim', 'truncate', 'low_freq_factor', 'high_freq_factor'],
  ...['short_factor', 'long_factor'],
];

const KINDS = ['default', 'linear', 'proportional', 'dynamic', 'yarn', 'llama3', 'longrope'] as const;

/** Reads rotary positions from a config: `rope_parameters` since transformers 5, `rope_theta` and `rope_scaling` before. */
export function readRope(config: ConfigReader, defaults: RopeDefaults): RopeSpec {
  return readRopeSection(ropeSection(config), config, defaults);
}

/** The same from a section of its own, for a config that has one for each kind of layer. */
export function readRopeSection(section: ConfigReader, config: ConfigReader, defaults: RopeDefaults): RopeSpec {
  section.knows(...PARAMETERS);
  config.knows('rope_theta', 'partial_rotary_factor');
  const from = (key: string): ConfigReader => (section.has(key) ? section : config);
  const base = from('rope_theta').positive('rope_theta', defaults.base);
  const kind = ropeKind(section);
  const stated = from('partial_rotary_factor').positive('partial_rotary_factor', defaults.part ?? 1);
  // Where a family does not know it, plain rotation is of all dimensions whatever the config says.
  const part = kind === 'default' && defaults.part === undefined ? 1 : stated;
  if (part !== 1 && defaults.part === undefined && kind !== 'proportional') {
    config.refuse(l10n.t`asks for partial_rotary_factor ${part}, which is not supported for this model`);
  }
  if (part > 1) config.refuse(l10n.t`asks for partial_rotary_factor ${part}, which is more than all of a head`);
  const rotated = Math.floor(defaults.headDim * part);
  // Counts the pairs that stand still, too.
  const dims = kind === 'proportional' ? defaults.headDim : rotated;
  if (dims % 2 !== 0 || dims < 2) config.refuse(l10n.t`rotates ${dims} dimensions of a head, which cannot be halved`);
  return { base, dims, scaling: readScaling(section, config, defaults.context, { dims, rotated }) };
}

/** Notes what a config says of rotary positions for a model that is told none. */
export function ignoreRope(config: ConfigReader): void {
  config.knows('rope_theta', 'rope_scaling', 'rope_parameters', 'partial_rotary_factor');
}

/** Where a config describes its rotary positions; of two places the older one counts, whole, as in transformers. */
export function ropeSection(config: ConfigReader): ConfigReader {
  const scaling = config.section('rope_scaling');
  if (scaling.isEmpty) return config.section('rope_parameters');
  config.knows('rope_parameters');
  return scaling;
}

function ropeKind(section: ConfigReader): (typeof KINDS)[number] {
  return section.oneOf(section.has('rope_type') ? 'rope_type' : 'type', KINDS, 'default');
}

function readScaling(
  section: ConfigReader,
  config: ConfigReader,
  context: number,
  { dims, rotated }: { readonly dims: number; readonly rotated: number },
): RopeScaling {
  const kind = ropeKind(section);
  // Some configs keep it at the top, and there it counts first.
  const originalContext = (config.has('original_max_position_embeddings') ? config : section).size(
    'original_max_position_embeddings',
    context,
  );
  const factor = (): number => section.positive('factor', context / originalContext);
  switch (kind) {
    case 'default':
      return { kind: 'none' };
    case 'linear':
      return { kind, factor: section.positive('factor') };
    case 'proportional':
      return { kind, factor: section.positive('factor', 1), pairs: Math.floor(rotated / 2) };
    case 'dynamic':
      // Hunyuan's configs may say alpha instead.
      return {
        kind,
        factor: section.positive('factor', section.has('alpha') ? 1 : undefined),
        originalContext: context,
      };
    case 'yarn':
      return {
        kind,
        factor: factor(),
        originalContext,
        betaFast: section.positive('beta_fast', 32),
        betaSlow: section.positive('beta_slow', 1),
        attentionFactor: section.positive('attention_factor', yarnAttentionFactor(section, factor())),
        truncate: section.flag('truncate', true),
      };
    case 'llama3':
      return {
        kind,
        factor: section.positive('factor'),
        lowFrequencyFactor: section.positive('low_freq_factor', 1),
        highFrequencyFactor: section.positive('high_freq_factor', 4),
        originalContext,
      };
    case 'longrope': {
      const stretch = factor();
      const usual = stretch <= 1 ? 1 : Math.sqrt(1 + Math.log(stretch) / Math.log(originalContext));
      const attentionFactor = section.positive('attention_factor', usual);
      const factors = (key: string): LongRopeSpec => ({ factors: section.numbers(key, dims / 2), attentionFactor });
      return { kind, originalContext, short: factors('short_factor'), long: factors('long_factor') };
    }
  }
}

/** m(s) = 0.1 · mscale · ln s + 1 (arXiv 2309.00071, section 3.4); a config with two scales wants their ratio. */
function yarnAttentionFactor(section: ConfigReader, factor: number): number {
  if (section.has('mscale') && section.has('mscale_all_dim')) {
    const numerator = section.number('mscale');
    const denominator = section.number('mscale_all_dim');
    if (numerator !== 0 && denominator !== 0) return yarnScale(factor, numerator) / yarnScale(factor, denominator);
  }
  return yarnScale(factor, 1);
}

/**
 * What DeepSeek's stretched models multiply attention's products by: `mscale_all_dim` puts YaRN's magnitude there, squared for
 * queries and keys alike, and takes it off the rotated part.
 */
export function productScale(config: ConfigReader): number {
  const section = ropeSection(config);
  if (ropeKind(section) === 'default' || !section.has('mscale_all_dim')) return 1;
  const mscale = section.number('mscale_all_dim');
  return mscale === 0 ? 1 : yarnScale(section.number('factor'), mscale) ** 2;
}

/** YaRN's magnitude scale of a stretch by `factor`. */
function yarnScale(factor: number, mscale: number): number {
  return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
}

/**
 * Tables of cos and sin by position, each [positions, dims/2], row-major.
 *
 * Every step is rounded to float32 where the reference implementation rounds: at position 4,000 the difference would be
 * 1e-4 of a radian.
 *
 * @param length tokens of the text: some scalings depend on how long it is. A position beyond it is of a token that is generated,
 *   which the text ends with by then; the tokens before keep what they have.
 */
export function ropeTables(
  rope: RopeSpec,
  positions: number,
  length: number,
): { readonly cos: Float32Array; readonly sin: Float32Array } {
  const pairs = rope.dims / 2;
  const cos = new Float32Array(positions * pairs);
  const sin = new Float32Array(positions * pairs);
  let frequencies = ropeFrequencies(rope, length);
  let magnitude = ropeMagnitude(rope, length);
  for (let p = 0; p < positions; p++) {
    if (p >= length && dependsOnLength(rope)) {
      frequencies = ropeFrequencies(rope, p + 1);
      magnitude = ropeMagnitude(rope, p + 1);
    }
    for (let i = 0; i < pairs; i++) {
      const angle = Math.fround(p * frequencies[i]!);
      cos[p * pairs + i] = Math.fround(Math.cos(angle)) * magnitude;
      sin[p * pairs + i] = Math.fround(Math.sin(angle)) * magnitude;
    }
  }
  return { cos, sin };
}

/** Whether the angles of a text's positions depend on how long it is. */
export function dependsOnLength({ scaling: { kind } }: RopeSpec): boolean {
  return kind === 'dynamic' || kind === 'longrope';
}

/** Whether positions have the same angles in texts of these lengths. */
export function turnsAlike(rope: RopeSpec, length: number, other: number): boolean {
  if (!dependsOnLength(rope) || length === other) return true;
  const angles = ropeFrequencies(rope, other);
  return (
    ropeMagnitude(rope, length) === ropeMagnitude(rope, other) &&
    ropeFrequencies(rope, length).every((angle, i) => angle === angles[i])
  );
}

type LongRope = Extract<RopeScaling, { kind: 'longrope' }>;

function longRope({ originalContext, short, long }: LongRope, length: number): LongRopeSpec {
  return length > originalContext ? long : short;
}

/** What multiplies cos and sin. */
function ropeMagnitude({ scaling }: RopeSpec, length: number): number {
  if (scaling.kind === 'longrope') return longRope(scaling, length).attentionFactor;
  return scaling.kind === 'yarn' ? scaling.attentionFactor : 1;
}

/** Radians a position adds to each pair's angle; [dims/2]. */
function ropeFrequencies({ base, dims, scaling }: RopeSpec, length: number): Float32Array {
  const powers = (b: number): Float32Array =>
    Float32Array.from({ length: dims / 2 }, (_, i) => b ** Math.fround((2 * i) / dims));
  const plain = powers(base).map((power) => 1 / power);
  switch (scaling.kind) {
    case 'none':
      return plain;
    case 'linear':
      return plain.map((f) => f / scaling.factor);
    case 'proportional':
      return plain.map((f, i) => (i < scaling.pairs ? f / scaling.factor : 0));
    case 'dynamic': {
      // NTK-aware: the base grows with the text once it is longer than the original context.
      const { factor, originalContext } = scaling;
      const stretch = (factor * Math.max(length, originalContext)) / originalContext - (factor - 1);
      return powers(base * stretch ** (dims / (dims - 2))).map((power) => 1 / power);
    }
    case 'yarn':
      return yarnFrequencies(powers(base), base, dims, scaling);
    case 'llama3': {
      // Long waves are stretched, short ones left, those between blended (Llama 3.1).
      const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContext } = scaling;
      return plain.map((f) => {
        const rotations = (originalContext * f) / (2 * Math.PI);
        if (rotations < low) return f / factor;
        if (rotations > high) return f;
        const blend = (rotations - low) / (high - low);
        return (1 - blend) * (f / factor) + blend * f;
      });
    }
    case 'longrope': {
      const { factors } = longRope(scaling, length);
      return powers(base).map((power, i) => 1 / (factors[i]! * power));
    }
  }
}

/** YaRN (arXiv 2309.00071): pairs that turn more than betaFast times in the original context stay, those under betaSlow are stretched. */
function yarnFrequencies(
  powers: Float32Array,
  base: number,
  dims: number,
  { factor, originalContext, betaFast, betaSlow, truncate }: Extract<RopeScaling, { kind: 'yarn' }>,
): Float32Array {
  const { fround } = Math;
  const dimensionOf = (rotations: number): number =>
    (dims * Math.log(originalContext / (rotations * 2 * Math.PI))) / (2 * Math.log(base));
  const round = (value: number, by: (v: number) => number): number => (truncate ? by(value) : value);
  const low = Math.max(round(dimensionOf(betaFast), Math.floor), 0);
  const limit = Math.min(round(dimensionOf(betaSlow), Math.ceil), dims - 1);
  const high = limit === low ? low + 0.001 : limit;
  return powers.map((power, i) => {
    const ramp = Math.min(1, Math.max(0, fround(fround(i - fround(low)) / fround(high - low))));
    const kept = fround(1 - ramp);
    const stretched = fround(1 / fround(fround(factor) * power));
    return fround(stretched * fround(1 - kept)) + fround(fround(1 / power) * kept);
  });
}
