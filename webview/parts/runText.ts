/** What a model runs in and on, and why. */
import * as l10n from '@vscode/l10n';
import { byteSize } from '../../extension/analysis/sizes.ts';
import type { ModelPageState } from '../../extension/protocol/webview.ts';

const PROVIDER_NAMES: Readonly<Record<string, string>> = {
  cpu: l10n.t`the CPU`,
  webgpu: 'WebGPU',
  cuda: 'CUDA',
  dml: 'DirectML',
  coreml: 'CoreML',
};

/** For example: Runs in int8, the most exact that fits into the 23.4 GB that are free, on the CPU, as the settings ask. */
export function runText({ model, wanted, ran }: ModelPageState): string {
  const { best, memory, precisions } = model;
  const free = l10n.t`the ${byteSize(memory.free)} that are free`;
  const auto = wanted.precision === 'auto';
  const precision = auto ? best : wanted.precision;
  const last = ran ? lastText(ran, wanted.provider) : '';
  if (precision === undefined) return l10n.t`It does not run here: no precision fits into ${free}.${last}`;
  const of = precisions.find((p) => p.precision === precision);
  if (of?.gpuOnly && wanted.provider !== 'webgpu') {
    return l10n.t`The settings ask for ${precision}, which only graphics cards compute in: choose webgpu with it.${last}`;
  }
  if (!of?.fits) return l10n.t`The settings ask for ${precision}, which does not fit into ${free}.${last}`;
  const why = auto ? l10n.t`the most exact that fits into ${free}` : l10n.t`as the settings ask`;
  const where =
    wanted.provider === 'auto'
      ? l10n.t`on what proves fastest while it routes as the CPU does`
      : l10n.t`on ${PROVIDER_NAMES[wanted.provider] ?? wanted.provider}, as the settings ask`;
  return l10n.t`Runs in ${precision}, ${why}, ${where}.${last}`;
}

/** With the verdict on the provider: what a trial showed, or why there was none. */
function lastText(ran: NonNullable<ModelPageState['ran']>, wanted: ModelPageState['wanted']['provider']): string {
  const on = PROVIDER_NAMES[ran.provider] ?? ran.provider;
  if (ran.note !== undefined) return l10n.t` It ran last in ${ran.precision} on ${on}. ${ran.note}`;
  return wanted === 'auto' && ran.provider === 'cpu'
    ? l10n.t` It ran last in ${ran.precision} on ${on}: nothing else here can run it.`
    : l10n.t` It ran last in ${ran.precision} on ${on}.`;
}
