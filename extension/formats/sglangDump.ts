/**
 * What SGLang's expert distribution recorder dumps (torch.save), by its mode:
 * - stat, stat_approx: `logical_count` [steps, layers, experts], summed over all ranks;
 * - per_pass: `records`, each with `global_physical_count` [layers, physical experts] of one forward pass and rank;
 * - per_token: `records`, each with `topk_ids_of_layer` [layers, tokens, 8], `input_ids` and `positions`.
 * All layers count, dense ones with nothing. `last_physical_to_logical_map` [layers, physical experts] says which expert each
 * copy is of.
 */
import * as l10n from '@vscode/l10n';
import { UserError } from '../protocol/errors.ts';
import type { LayerCounts } from '../protocol/trace.ts';
import type { RecordedCounts, Recording } from '../protocol/recording.ts';
import { notedCounts } from './mergedCounts.ts';
import type { IntegerArray } from './npy.ts';
import { PickledTensor, type Pickled } from './pickle.ts';
import {
  countedShape,
  layersWithoutWeights,
  modelElsewhere,
  placeLayers,
  splitByLayer,
  type KnownLayers,
} from './routedExperts.ts';
import type { TorchFile } from './torchSave.ts';

type Dict = ReadonlyMap<string | number, Pickled>;

const MAX_EXPERTS = 0xfffe;
/** Most numbers that are made of a dump: 4,000 passes of 48 layers with 256 experts. */
const MAX_ITEMS = 50_000_000;

/**
 * @param name what to call the model, of which the file says nothing
 * @param known what the config of the model says whose expert ids these are
 * @throws UserError `trace-invalid`
 */
export function readSglangDump(file: TorchFile, name: string, known?: KnownLayers): Recording {
  const { value } = file;
  if (!(value instanceof Map)) throw invalid(l10n.t`it holds no dict`);
  const dump = value as Dict;
  if (dump.has('logical_count')) {
    return { kind: 'counts', counts: [countsOfRing(tensorOf(file, dump, 'logical_count'), name)] };
  }
  const records = dump.get('records');
  if (!Array.isArray(records)) throw invalid(l10n.t`it is no dump of the expert distribution recorder`);
  const dicts = (records as readonly Pickled[]).filter((record): record is Dict => record instanceof Map);
  if (dicts.length === 0) throw invalid(l10n.t`nothing was recorded`);
  const logical = dump.has('last_physical_to_logical_map')
    ? tensorOf(file, dump, 'last_physical_to_logical_map')
    : undefined;
  if (dicts[0]!.has('topk_ids_of_layer')) return tokensOf(file, dicts, logical, name, known);
  if (dicts[0]!.has('global_physical_count')) return passesOf(file, dicts, logical, name);
  throw invalid(l10n.t`its records hold no routing`);
}

/** A ring of steps, of which the newest takes the place of the oldest: where all are used, some may have been written over. */
function countsOfRing(ring: IntegerArray, name: string): RecordedCounts {
  const counts = countsOfSteps(ring, name);
  const [room = 0, , experts = 0] = ring.shape;
  if (room < 2 || counts.steps?.[0]!.length !== room * experts) return counts;
  const full = l10n.t`All ${room} passes that the recorder had room for are used: earlier ones may be missing, and which is the oldest is not told.`;
  return notedCounts(counts, [full]);
}

/** [steps, layers, experts]; steps without any slot are room that was not used, and layers without any are dense. */
function countsOfSteps({ shape, values }: IntegerArray, name: string): RecordedCounts {
  const [room = 0, layers = 0, experts = 0] = shape;
  if (shape.length !== 3 || experts < 1 || experts > MAX_EXPERTS) throw invalid(l10n.t`its counts have another shape`);
  if (values.length > MAX_ITEMS) throw invalid(l10n.t`it is too large`);
  if (!values.every((count) => count >= 0)) throw invalid(l10n.t`it counts less than nothing`);
  const slots = layers * experts;
  const used = Array.from({ length: room }, (_, s) => s).filter((s) =>
    values.subarray(s * slots, (s + 1) * slots).some((count) => count > 0),
  );
  const bySteps = Array.from({ length: layers }, (_, layer) => {
    const all = new Float64Array(used.length * experts);
    used.forEach((s, i) => {
      const from = (s * layers + layer) * experts;
      all.set(values.subarray(from, from + experts), i * experts);
    });
    return all;
  });
  const moe = bySteps.map((_, l) => l).filter((l) => bySteps[l]!.some((c) => c > 0));
  if (moe.length === 0) throw invalid(l10n.t`nothing was recorded`);
  const loads = moe.map((layer): LayerCounts => {
    const counts = new Float64Array(experts);
    bySteps[layer]!.forEach((c, i) => (counts[i % experts]! += c));
    return { shape: countedShape(layer, experts, undefined), counts };
  });
  return {
    name: '',
    model: modelElsewhere({ name, layers, moeLayers: loads.map(({ shape: s }) => s), provider: 'SGLang' }, []),
    loads,
    ...(used.length > 1 ? { steps: moe.map((l) => bySteps[l]!) } : {}),
  };
}

function passesOf(
  file: TorchFile,
  records: readonly Dict[],
  logical: IntegerArray | undefined,
  name: string,
): Recording {
  let items = 0;
  const passes = records.map((record) => {
    const pass = tensorOf(file, record, 'global_physical_count');
    items += pass.values.length;
    if (items > MAX_ITEMS) throw invalid(l10n.t`it is too large`);
    return pass;
  });
  const [layers = 0, physical = 0] = passes[0]!.shape;
  if (passes.some(({ shape }) => shape.length !== 2 || shape[0] !== layers || shape[1] !== physical)) {
    throw invalid(l10n.t`its passes have different shapes`);
  }
  const toLogical = logicalIds(logical, layers, physical);
  const experts = toLogical.reduce((most, e) => Math.max(most, e), 0) + 1;
  if (passes.length * layers * experts > MAX_ITEMS) throw invalid(l10n.t`it is too large`);
  const values = new Float64Array(passes.length * layers * experts);
  passes.forEach((pass, s) => {
    pass.values.forEach((count, i) => {
      values[(s * layers + Math.floor(i / physical)) * experts + toLogical[i]!]! += count;
    });
  });
  const ranks = new Set(records.map((record) => record.get('rank')));
  const [rank] = ranks;
  const counts = countsOfSteps({ shape: [passes.length, layers, experts], values }, name);
  return { kind: 'counts', counts: [ranks.size === 1 && typeof rank === 'number' ? { ...counts, rank } : counts] };
}

function tokensOf(
  file: TorchFile,
  records: readonly Dict[],
  logical: IntegerArray | undefined,
  name: string,
  known: KnownLayers | undefined,
): Recording {
  const passes = records.map((record) => ({
    ids: numbers(record, 'input_ids'),
    positions: numbers(record, 'positions'),
    chosen: tensorOf(file, record, 'topk_ids_of_layer'),
  }));
  const [layers = 0, , room = 0] = passes[0]!.chosen.shape;
  const tokens = passes.reduce((sum, { ids }) => sum + ids.length, 0);
  // The recorder has room for eight experts a token and leaves −1 in what is too many.
  let k = 0;
  for (const { chosen, ids, positions } of passes) {
    const [l, t, r] = chosen.shape;
    if (
      chosen.shape.length !== 3 ||
      l !== layers ||
      r !== room ||
      t !== ids.length ||
      positions.length !== ids.length
    ) {
      throw invalid(l10n.t`its records have different shapes`);
    }
    chosen.values.forEach((id, i) => {
      if (id >= 0 && (i % room) + 1 > k) k = (i % room) + 1;
    });
  }
  if (k === 0 || tokens === 0) throw invalid(l10n.t`nothing was recorded`);
  const physical = logical?.shape[1] ?? 0;
  const toLogical = logical && logicalIds(logical, layers, physical);
  if (tokens * layers * k > MAX_ITEMS) throw invalid(l10n.t`it is too large`);
  const ids = new Int32Array(tokens * layers * k);
  let from = 0;
  for (const { chosen, ids: own } of passes) {
    for (let l = 0; l < layers; l++) {
      for (let t = 0; t < own.length; t++) {
        for (let j = 0; j < k; j++) {
          const id = chosen.values[(l * own.length + t) * room + j]!;
          ids[((from + t) * layers + l) * k + j] =
            toLogical && id >= 0 && id < physical ? toLogical[l * physical + id]! : id;
        }
      }
    }
    from += own.length;
  }
  const placed = placeLayers(splitByLayer(ids, tokens, layers, k), k, known);
  const positions = passes.flatMap((pass) => pass.positions);
  const notes = [
    l10n.t`Tokens stand in the order in which the engine computed them; the text is not recorded.`,
    ...placed.notes,
  ];
  return {
    kind: 'trace',
    text: '',
    trace: {
      tokens: {
        ids: Int32Array.from(passes.flatMap((pass) => pass.ids)),
        start: new Uint32Array(tokens),
        end: new Uint32Array(tokens),
        logProb: new Float32Array(tokens).fill(NaN),
      },
      layers: layersWithoutWeights(placed, tokens),
      windows: Uint32Array.from(positions.flatMap((position, t) => (t === 0 || position === 0 ? [t] : []))),
      routed: tokens,
      origin: {
        source: 'recorded',
        model: modelElsewhere(
          {
            ...{ name, layers: placed.layers, moeLayers: placed.moeLayers, provider: 'SGLang', weightless: true },
            ...(placed.physicalIds ? { physicalIds: true } : {}),
          },
          notes,
        ),
      },
    },
  };
}

/** The expert that each physical one is a copy of; its own number where no map is there. */
function logicalIds(map: IntegerArray | undefined, layers: number, physical: number): Int32Array {
  if (!map) return Int32Array.from({ length: layers * physical }, (_, i) => i % physical);
  if (map.shape.length !== 2 || map.shape[0] !== layers || map.shape[1] !== physical) {
    throw invalid(l10n.t`its map of physical experts has another shape`);
  }
  if (!map.values.every((e) => Number.isInteger(e) && e >= 0 && e < MAX_EXPERTS)) {
    throw invalid(l10n.t`its map of physical experts names experts that cannot be`);
  }
  return Int32Array.from(map.values);
}

function tensorOf(file: TorchFile, dict: Dict, key: string): IntegerArray {
  const tensor = dict.get(key);
  if (!(tensor instanceof PickledTensor)) throw invalid(l10n.t`its ${key} is no tensor`);
  return file.tensor(tensor);
}

function numbers(dict: Dict, key: string): number[] {
  const list = dict.get(key);
  if (!Array.isArray(list) || !list.every((n) => Number.isInteger(n) && n >= 0 && n < 2 ** 31)) {
    throw invalid(l10n.t`its ${key} are no whole numbers`);
  }
  return list as number[];
}

function invalid(what: string): UserError {
  return new UserError('trace-invalid', l10n.t`This dump of SGLang cannot be opened: ${what}.`);
}
