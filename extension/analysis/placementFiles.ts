/**
 * A placement as a file that a serving engine starts from. vLLM itself balances while it runs and reads no file; its plugin for
 * Ascend does.
 */
import * as l10n from '@vscode/l10n';
import type { ModelInfo } from '../protocol/trace.ts';
import type { SectionFile } from './sections/kind.ts';
import type { Subject } from './sections/subject.ts';
import { wastedSlots, type LayerPlacement, type Placement } from './placement.ts';

/** Why a placement is none for any of the engines, in a sentence; undefined when it is one. */
export function unfitForEngines({ layers, devices }: Placement): string | undefined {
  const sizes = new Set(layers.map(({ expert, experts }) => `${expert.length} of ${experts}`));
  if (sizes.size !== 1) return l10n.t`Engines want as many experts in every MoE layer.`;
  if (layers[0]!.expert.length % devices !== 0) return l10n.t`Engines want as many experts on every device.`;
  return undefined;
}

/**
 * Why none is one for SGLang, as above: its file has a row for every layer. Recorded counts go by the numbers of layers; a model
 * whose layers were only counted has none, nor has its recorded trace.
 */
export function unfitForSglang({
  source,
  model,
  trace,
}: Pick<Subject, 'source' | 'model' | 'trace'>): string | undefined {
  if (model.layers > 0 || (source === 'recorded' && !trace)) return undefined;
  return l10n.t`This model does not number its layers: the placement cannot be saved for SGLang.`;
}

/**
 * For SGLang's `--init-expert-location`: `physical_to_logical_map`, [layers of the model, R]. It has rows for dense layers, too,
 * which nobody reads; they hold the experts in order. SGLang, eplb/expert_location.py.
 *
 * @param placement one that is not unfit
 * @param model of a subject that is none either
 */
export function sglangFile(placement: Placement, model: ModelInfo): SectionFile {
  const { moeLayers } = model;
  const [first] = placement.layers as readonly [LayerPlacement, ...LayerPlacement[]];
  const slots = first.expert.length;
  const depth = Math.max(model.layers, ...moeLayers.map(({ layer }) => layer + 1));
  const rows = Array.from({ length: depth }, () => Array.from({ length: slots }, (_, slot) => slot % first.experts));
  placement.layers.forEach(({ expert }, i) => {
    rows[moeLayers[i]!.layer] = [...expert];
  });
  return {
    name: 'expert-location.json',
    text: `{"physical_to_logical_map":[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]}\n`,
    options:
      `--init-expert-location expert-location.json --ep-size ${placement.devices} ` +
      `--ep-num-redundant-experts ${slots - first.experts}`,
  };
}

/**
 * For the `expert_map_path` of vLLM Ascend: experts of each device, MoE layer by MoE layer. It cannot tell two copies of an expert on
 * one device apart. vllm-ascend, ops/expert_load_balancer.py.
 *
 * @param placement one that is not unfit
 */
export function vllmAscendFile({ layers, devices }: Placement): SectionFile {
  const each = layers[0]!.expert.length / devices;
  const list = layers.map(({ expert }, i) => ({
    layer_id: i,
    device_count: devices,
    device_list: Array.from({ length: devices }, (_, d) => ({
      device_id: d,
      device_expert: [...expert.subarray(d * each, (d + 1) * each)],
    })),
  }));
  const options = `--additional-config '{"expert_map_path":"expert-map.json"}' --enable-expert-parallel`;
  const wasted = layers.some((layer) => wastedSlots(layer) > 0);
  return {
    name: 'expert-map.json',
    text: `{"moe_layer_count":${layers.length},"layer_list":[\n${list.map((layer) => JSON.stringify(layer)).join(',\n')}\n]}\n`,
    options: wasted ? l10n.t`${options}; a device holds an expert twice, of which it will use one` : options,
  };
}
