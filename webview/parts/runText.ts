/** What a model runs in and on, and why. */
import { byteSize } from '../../extension/analysis/sizes.ts';
import type { ModelPageState } from '../../extension/protocol/webview.ts';

const PROVIDER_NAMES: Readonly<Record<string, string>> = {
  cpu: 'the CPU',
  webgpu: 'WebGPU',
  cuda: 'CUDA',
  dml: 'DirectML',
  coreml: 'CoreML',
};

/** For example: Runs in int8, the most exact that fits into the 23.4 GB that are free, on the CPU, as the settings ask. */
export function runText({ model, wanted, ran }: ModelPageState): string {
  const { best, memory, precisions } = model;
  const free = `the ${byteSize(memory.free)} that are free`;
  const auto = wanted.precision === 'auto';
  const precision = auto ? best : wanted.precision;
  const last = ran ? lastText(ran, wanted.provider) : '';
  if (precision === undefined) return `It does not run here: no precision fits into ${free}.${last}`;
  const of = precisions.find((p) => p.precision === precision);
  if (of?.gpuOnly && wanted.provider !== 'webgpu') {
    return `The settings ask for ${precision}, which only graphics cards compute in: choose webgpu with it.${last}`;
  }
  if (!of?.fits) return `The settings ask for ${precision}, which does not fit into ${free}.${last}`;
  const why = auto ? `the most exact that fits into ${free}` : 'as the settings ask';
  const where =
    wanted.provider === 'auto'
      ? 'on what proves fastest while it routes as the CPU does'
      : `on ${PROVIDER_NAMES[wanted.provider] ?? wanted.provider}, as the settings ask`;
  return `Runs in ${precision}, ${why}, ${where}.${last}`;
}

/** With the verdict on the provider: what a trial showed, or why there was none. */
function lastText(ran: NonNullable<ModelPageState['ran']>, wanted: ModelPageState['wanted']['provider']): string {
  const text = ` It ran last in ${ran.precision} on ${PROVIDER_NAMES[ran.provider] ?? ran.provider}`;
  if (ran.note !== undefined) return `${text}. ${ran.note}`;
  return wanted === 'auto' && ran.provider === 'cpu' ? `${text}: nothing else here can run it.` : `${text}.`;
}
