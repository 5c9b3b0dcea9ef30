import { addFile, emptyFolder, type FolderRouting } from '../../extension/analysis/folder/folderRouting.ts';
import type { LayerTrace, ModelInfo, RoutingTrace } from '../../extension/protocol/trace.ts';
import { layerTrace } from './layerTrace.ts';

/** A model of layers with these sizes. */
export function modelOf(layers: readonly { readonly experts: number; readonly k: number }[]): ModelInfo {
  return {
    name: 'm',
    folder: '/models/folder',
    architecture: 'TestForCausalLM',
    layers: layers.length,
    moeLayers: layers.map(({ experts, k }, layer) => ({ layer, experts, k, candidates: k })),
    hiddenSize: 8,
    vocabulary: 100,
    context: 64,
    parameters: { total: 1, active: 1 },
    precision: 'float32',
    provider: 'cpu',
  };
}

interface Text {
  /** Characters of a token's own are what it is called: one a token. */
  readonly text: string;
  readonly ids?: readonly number[];
  readonly windows?: readonly number[];
  readonly layers: readonly {
    readonly experts: number;
    readonly k: number;
    readonly chosen: readonly (readonly (number | null)[])[];
    readonly weight?: readonly (readonly number[])[];
  }[];
}

/** A trace of a text with a token a character, whose id is the character's code unless told. */
export function folderTrace({ text, ids, windows = [0], layers }: Text): RoutingTrace {
  const tokens = text.length;
  const each = Array.from({ length: tokens }, (_, t) => t);
  return {
    tokens: {
      ids: Int32Array.from(ids ?? each.map((t) => text.charCodeAt(t))),
      start: Uint32Array.from(each),
      end: Uint32Array.from(each, (t) => t + 1),
      logProb: new Float32Array(tokens),
    },
    layers: layers.map((layer, i): LayerTrace => ({ ...layerTrace(layer), layer: i })),
    windows: Uint32Array.from(windows),
    routed: tokens,
    origin: { model: modelOf(layers), source: 'measured' },
  };
}

/** The routing of a single text, as if it were a folder's only file. */
export function folderOfText(name: string, trace: RoutingTrace, text: string): FolderRouting {
  const shapes = trace.layers.map(({ layer, stack, experts, k, candidates }) => ({
    ...{ layer, experts, k, candidates },
    ...(stack ? { stack } : {}),
  }));
  const folder = emptyFolder({ ...trace.origin.model, moeLayers: shapes });
  addFile(folder, name, '', trace, text);
  return folder;
}
