import type { ConfigReader } from '../formats/config.ts';
import type { RopeSpec } from './spec.ts';

/**
 * Reads rotary positions from a config: `rope_parameters` since transformers 5, `rope_theta` and `rope_scaling` before.
 *
 * @param defaultBase the family's own base, for a config that names none
 */
export function readRope(config: ConfigReader, headDim: number, defaultBase: number): RopeSpec {
  const section = config.section(config.has('rope_parameters') ? 'rope_parameters' : 'rope_scaling');
  const kind = section.has('rope_type') ? 'rope_type' : 'type';
  section.oneOf(kind, ['default'], 'default');
  if (headDim % 2 !== 0) config.refuse(`has a head_dim of ${headDim}, which rotary positions cannot halve`);
  const base = section.has('rope_theta')
    ? section.positive('rope_theta', defaultBase)
    : config.positive('rope_theta', defaultBase);
  return { base, dims: headDim };
}

/**
 * cos and sin of the angles of positions [0, positions); each [positions, dims/2], row-major.
 *
 * Every step is rounded to float32 where the reference implementation rounds: at position 4,000 the difference would be
 * 1e-4 of a radian.
 */
export function ropeTables(rope: RopeSpec, positions: number): { cos: Float32Array; sin: Float32Array } {
  const pairs = rope.dims / 2;
  const frequency = Float32Array.from({ length: pairs }, (_, i) => {
    const exponent = Math.fround((2 * i) / rope.dims);
    return 1 / Math.fround(rope.base ** exponent);
  });
  const cos = new Float32Array(positions * pairs);
  const sin = new Float32Array(positions * pairs);
  for (let p = 0; p < positions; p++) {
    for (let i = 0; i < pairs; i++) {
      const angle = Math.fround(p * frequency[i]!);
      cos[p * pairs + i] = Math.cos(angle);
      sin[p * pairs + i] = Math.sin(angle);
    }
  }
  return { cos, sin };
}
