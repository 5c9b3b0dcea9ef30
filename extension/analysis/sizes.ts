/** How sizes of models are written. */
import type { ModelPart, PrecisionBytes } from '../protocol/model.ts';

/** In the units that files and memory are sold in, powers of 1000. */
const BYTE_UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;
const COUNT_UNITS = ['', ' thousand', ' million', ' billion', ' trillion'] as const;

/** 13.8 GB. */
export function byteSize(bytes: number): string {
  return scaled(
    bytes,
    BYTE_UNITS.map((unit) => ` ${unit}`),
  );
}

/** What became of a model cache. */
export function clearedSentence({ freed, kept }: { readonly freed: number; readonly kept: number }): string {
  const stayed = kept === 0 ? '' : ` ${kept === 1 ? 'One model is' : `${kept} models are`} open elsewhere and stayed.`;
  if (freed > 0) return `${byteSize(freed)} of the model cache are free again.${stayed}`;
  return kept === 0 ? 'The model cache was empty.' : `Nothing was deleted.${stayed}`;
}

/** 6.92 billion. */
export function parameterCount(count: number): string {
  return scaled(count, COUNT_UNITS);
}

/** Three digits, and the unit that leaves a number from 1 on before it. */
function scaled(value: number, units: readonly string[]): string {
  let power = 0;
  let rest = value;
  // What three digits would round up to the next unit goes there.
  while (rest >= 999.5 && power < units.length - 1) {
    rest /= 1000;
    power += 1;
  }
  return `${power === 0 ? Math.round(rest) : Number(rest.toPrecision(3))}${units[power]!}`;
}

/** A precision, and what it is for where that is not every machine: float16 (GPU). */
export function precisionLabel({ precision, gpuOnly }: Pick<PrecisionBytes, 'precision' | 'gpuOnly'>): string {
  return gpuOnly ? `${precision} (GPU)` : precision;
}

/** What the parts of a model are called. */
export const PART_NAMES: Readonly<Record<ModelPart, string>> = {
  embeddings: 'embeddings',
  mixers: 'attention and other mixers',
  routers: 'routers',
  experts: 'routed experts',
  sharedExperts: 'shared experts',
  mlps: 'dense networks',
  norms: 'norms',
  head: 'head',
};
