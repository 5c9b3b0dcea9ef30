/** How sizes of models are written. */
import * as l10n from '@vscode/l10n';
import type { ModelPart, PrecisionBytes } from '../protocol/model.ts';

/** In the units that files and memory are sold in, powers of 1000. */
const BYTE_UNITS: readonly ((size: string) => string)[] = [
  (size) => l10n.t`${size} bytes`,
  ...['kB', 'MB', 'GB', 'TB', 'PB'].map((unit) => (size: string) => `${size} ${unit}`),
];
const COUNT_UNITS: readonly ((count: string) => string)[] = [
  (count) => count,
  (count) => l10n.t`${count} thousand`,
  (count) => l10n.t`${count} million`,
  (count) => l10n.t`${count} billion`,
  (count) => l10n.t`${count} trillion`,
];

/** 13.8 GB. */
export function byteSize(bytes: number): string {
  return scaled(bytes, BYTE_UNITS);
}

/** What became of a model cache. */
export function clearedSentence({ freed, kept }: { readonly freed: number; readonly kept: number }): string {
  if (kept === 0) {
    return freed > 0
      ? l10n.t`${byteSize(freed)} of the model cache are free again.`
      : l10n.t`The model cache was empty.`;
  }
  const stayed =
    kept === 1
      ? l10n.t`One model is open elsewhere and stayed.`
      : l10n.t`${kept} models are open elsewhere and stayed.`;
  return freed > 0
    ? l10n.t`${byteSize(freed)} of the model cache are free again. ${stayed}`
    : l10n.t`Nothing was deleted. ${stayed}`;
}

/** 6.92 billion. */
export function parameterCount(count: number): string {
  return scaled(count, COUNT_UNITS);
}

/** Three digits, and the unit that leaves a number from 1 on before it. */
function scaled(value: number, units: readonly ((value: string) => string)[]): string {
  let power = 0;
  let rest = value;
  // What three digits would round up to the next unit goes there.
  while (rest >= 999.5 && power < units.length - 1) {
    rest /= 1000;
    power += 1;
  }
  return units[power]!(String(power === 0 ? Math.round(rest) : Number(rest.toPrecision(3))));
}

/** A precision, and what it is for where that is not every machine: float16 (GPU). */
export function precisionLabel({ precision, gpuOnly }: Pick<PrecisionBytes, 'precision' | 'gpuOnly'>): string {
  return gpuOnly ? `${precision} (GPU)` : precision;
}

/** What the parts of a model are called. */
export const PART_NAMES: Readonly<Record<ModelPart, string>> = {
  embeddings: l10n.t`embeddings`,
  mixers: l10n.t`attention and other mixers`,
  routers: l10n.t`routers`,
  experts: l10n.t`routed experts`,
  sharedExperts: l10n.t`shared experts`,
  mlps: l10n.t`dense networks`,
  norms: l10n.t`norms`,
  head: l10n.t`head`,
};
