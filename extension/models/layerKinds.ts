/** What a model's layers are, in few words. */
import * as l10n from '@vscode/l10n';
import type { Inspection, LayerKind, RouterRule } from '../protocol/model.ts';
import { routerRule } from './routerRule.ts';
import type { DecoderSpec, LayerSpec, MixerSpec, MoeSpec } from './spec.ts';

/** How what mixes tokens is called. */
const MIXERS: Readonly<Record<Exclude<MixerSpec['kind'], 'moe' | 'mlp'>, string>> = {
  attention: l10n.t`attention`,
  bidirectional: l10n.t`bidirectional attention`,
  crossAttention: l10n.t`cross-attention`,
  mla: l10n.t`latent attention`,
  shortConv: l10n.t`short convolution`,
  deltaNet: 'Gated DeltaNet',
  mamba: 'Mamba',
  mamba2: 'Mamba-2',
};

/** Every layer of a model, the encoder's first, and the rules by which they route, each once. */
export function layerKinds(spec: DecoderSpec): Pick<Inspection, 'layers' | 'routers' | 'layout'> {
  const routers: RouterRule[] = [];
  const layer = (blocks: LayerSpec, stack?: LayerKind['stack']): LayerKind => {
    const mixers = blocks.flatMap(({ mixer }) => (mixer.kind === 'moe' || mixer.kind === 'mlp' ? [] : [mixer]));
    const moe = blocks.map(({ mixer }) => mixer).find((mixer) => mixer.kind === 'moe');
    const network = moe ? 'moe' : blocks.some(({ mixer }) => mixer.kind === 'mlp') ? 'dense' : undefined;
    return {
      ...(stack ? { stack } : {}),
      ...(mixers.length > 0 ? { mixer: mixers.map(mixerName).join(', ') } : {}),
      ...(network ? { network } : {}),
      ...(moe ? { router: positionOf(routers, ruleOf(moe)) } : {}),
    };
  };
  const { encoder } = spec;
  const layers = encoder
    ? [
        ...encoder.layers.map((blocks) => layer(blocks, 'encoder')),
        ...spec.layers.map((blocks) => layer(blocks, 'decoder')),
      ]
    : spec.layers.map((blocks) => layer(blocks));
  const moe = [...(encoder?.layers ?? []), ...spec.layers]
    .flat()
    .map(({ mixer }) => mixer)
    .find((mixer) => mixer.kind === 'moe');
  const stacked = moe?.expert(0).down.weight.within !== undefined;
  return { layers, routers, layout: stacked ? 'all experts of a layer in one tensor' : 'one tensor an expert' };
}

function mixerName(mixer: Exclude<MixerSpec, { kind: 'moe' | 'mlp' }>): string {
  if (mixer.kind !== 'attention') return MIXERS[mixer.kind];
  if (mixer.window !== undefined) return l10n.t`attention, window of ${mixer.window}`;
  return mixer.chunk === undefined ? MIXERS.attention : l10n.t`attention, chunks of ${mixer.chunk}`;
}

function ruleOf(moe: MoeSpec): RouterRule {
  const { experts, k } = moe.router;
  return { experts, k, shared: moe.shared !== undefined, formula: routerRule(moe) };
}

/** Where the rule stands in the list, at whose end it is put if it is new. */
function positionOf(rules: RouterRule[], rule: RouterRule): number {
  const known = rules.findIndex(({ formula, shared }) => formula === rule.formula && shared === rule.shared);
  return known >= 0 ? known : rules.push(rule) - 1;
}
