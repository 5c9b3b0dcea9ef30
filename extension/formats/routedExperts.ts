/**
 * Expert ids as serving engines hand them out, [tokens, layers, k], as columns of a trace. Engines return no gate weights, and
 * what stands in the place of routing that they do not have (zeros, −1) must never be taken for an expert.
 */
import * as l10n from '@vscode/l10n';
import { UserError } from '../protocol/errors.ts';
import {
  NO_EXPERT,
  UNKNOWN_PRECISION,
  UNKNOWN_PROVIDER,
  type LayerShape,
  type LayerTrace,
  type ModelInfo,
} from '../protocol/trace.ts';
import { isWhole, type Integers } from './npy.ts';

/** Ids of one layer of the engine's array. */
export interface ExpertColumn {
  /** [T·k]; NO_EXPERT in all of a token's slots where there is no data. */
  readonly chosen: Uint16Array<ArrayBuffer>;
  /** The highest id; -1 where there is no data at all. */
  readonly highest: number;
  /** Tokens without data. */
  readonly missing: number;
}

/** What a config says of a model's layers. */
export interface KnownLayers {
  /** All layers, dense ones included. */
  readonly layers: number;
  readonly moeLayers: readonly Pick<LayerShape, 'layer' | 'experts' | 'k'>[];
}

/** A model's layers with their columns, and what has to be said of them. */
export interface PlacedLayers {
  /** All layers of the model as far as known. */
  readonly layers: number;
  readonly moeLayers: readonly LayerShape[];
  /** In the order of `moeLayers`. */
  readonly columns: readonly ExpertColumn[];
  /** Ids are beyond the experts that the model's config tells. */
  readonly physicalIds: boolean;
  /** Sentences. */
  readonly notes: readonly string[];
}

/** Most layers and experts a token: what the largest models have, several times over. */
const MAX_LAYERS = 4096;
const MAX_K = 1024;
/** A model of more layers with experts does not have all of them send every token to expert 0. */
const MOST_COLLAPSED = 2;

/**
 * Splits ids by layer. A row of a token and a layer whose ids are not pairwise distinct, or hold one below 0, is no data: no
 * router chooses an expert twice.
 *
 * @param ids [tokens, layers, k] in C order
 * @throws UserError `trace-invalid` for sizes that no model has, and for what are no ids
 */
export function splitByLayer(ids: Integers, tokens: number, layers: number, k: number): ExpertColumn[] {
  if (layers < 1 || layers > MAX_LAYERS || k < 1 || k > MAX_K || ids.length !== tokens * layers * k) {
    throw new UserError('trace-invalid', l10n.t`${tokens} × ${layers} × ${k} expert ids are not routing of any model.`);
  }
  if (!isWhole(ids)) {
    throw new UserError('trace-invalid', l10n.t`The expert ids are not whole numbers.`);
  }
  const columns = Array.from({ length: layers }, () => new Uint16Array(tokens * k));
  const highest = new Int32Array(layers).fill(-1);
  const missing = new Uint32Array(layers);
  // The row that an id was seen in last: as fast for k = 8 as for k = 2.
  const seen = new Uint32Array(NO_EXPERT);
  let row = 0;
  for (let t = 0; t < tokens; t++) {
    const to = t * k;
    for (let l = 0; l < layers; l++) {
      const from = row * k;
      row += 1;
      const column = columns[l]!;
      let most = -1;
      let j = 0;
      for (; j < k; j++) {
        const id = ids[from + j]!;
        if (!(id >= 0 && id < NO_EXPERT) || seen[id] === row) break;
        seen[id] = row;
        column[to + j] = id;
        if (id > most) most = id;
      }
      if (j < k) {
        column.fill(NO_EXPERT, to, to + k);
        missing[l]! += 1;
      } else if (most > highest[l]!) highest[l] = most;
    }
  }
  return columns.map((chosen, l) => ({ chosen, highest: highest[l]!, missing: missing[l]! }));
}

/**
 * Says which layers of the model an array's layers are. Some engines count all layers and fill dense ones with zeros, others
 * count those with experts only.
 *
 * @param known what the model's config says; without it a layer's place in the array is its number
 * @throws UserError `server-unfit` when the array is not of the known model, or holds no routing
 */
export function placeLayers(columns: readonly ExpertColumn[], k: number, known?: KnownLayers): PlacedLayers {
  const tokens = columns[0]!.chosen.length / k;
  // A token's only expert may well be 0, and every token's in a layer that has collapsed, but not in each of many.
  const mayBeZeros = !known || known.moeLayers.length > MOST_COLLAPSED;
  const isEmpty = ({ missing, highest }: ExpertColumn): boolean =>
    missing === tokens || (k === 1 && highest === 0 && tokens > 1 && mayBeZeros);
  if (columns.every(isEmpty)) {
    throw new UserError(
      'server-unfit',
      l10n.t`The routing holds no data: every row is filled with zeros or −1, which some fused kernels return instead of expert ids.`,
    );
  }
  const notes: string[] = [];
  let physicalIds = false;
  const places = known ? placesOf(columns.length, k, known) : undefined;
  const placed: { shape: LayerShape; column: ExpertColumn }[] = [];
  columns.forEach((column, position) => {
    const place = places ? places.get(position) : { layer: position, experts: 0 };
    if (!place || (!known && isEmpty(column))) return;
    const experts = Math.max(place.experts, column.highest + 1);
    placed.push({ shape: { layer: place.layer, experts, k, candidates: k }, column });
  });
  if (!known) {
    const most = Math.max(...placed.map(({ shape }) => shape.experts));
    for (const p of placed) p.shape = { ...p.shape, experts: most };
    notes.push(l10n.t`How many experts a layer has is not known: at least ${most}, the highest that was chosen.`);
    const dense = columns.length - placed.length;
    if (dense > 0)
      notes.push(l10n.t`${dense} of ${columns.length} layers have no routing and are taken for dense ones.`);
  } else {
    const physical = placed.filter(({ shape }, i) => shape.experts > known.moeLayers[i]!.experts);
    const experts = Math.max(...physical.map(({ shape }) => shape.experts));
    physicalIds = physical.length > 0;
    if (physicalIds) {
      notes.push(
        l10n.t`Ids up to E${experts - 1} are beyond the model's ${known.moeLayers[0]!.experts} experts: they are physical ids, under which expert-parallel load balancing (EPLB) keeps copies of an expert.`,
      );
      for (const p of placed) p.shape = { ...p.shape, experts };
    }
  }
  const without = placed.reduce((sum, { column }) => sum + column.missing, 0);
  if (without > 0) {
    notes.push(
      l10n.t`${without} of ${tokens * placed.length} rows (token by layer) came without data and are left out.`,
    );
  }
  return {
    layers: known?.layers ?? columns.length,
    moeLayers: placed.map(({ shape }) => shape),
    columns: placed.map(({ column }) => column),
    physicalIds,
    notes,
  };
}

/** The layer that each position of the array stands for. */
function placesOf(positions: number, k: number, { layers, moeLayers }: KnownLayers) {
  const wrong = moeLayers.find((layer) => layer.k !== k);
  if (wrong) {
    throw new UserError(
      'server-unfit',
      l10n.t`The routing has ${k} experts a token, but the model's config says ${wrong.k}: it is of another model.`,
    );
  }
  if (positions === moeLayers.length) return new Map(moeLayers.map((layer, i) => [i, layer]));
  if (positions === layers) return new Map(moeLayers.map((layer) => [layer.layer, layer]));
  throw new UserError(
    'server-unfit',
    l10n.t`The routing has ${positions} layers, but the model's config says ${layers}, ${moeLayers.length} of them with experts: it is of another model.`,
  );
}

/** Layers of a trace from ids alone. What goes with weights is NaN, in columns that the layers share. */
export function layersWithoutWeights({ moeLayers, columns }: PlacedLayers, tokens: number): LayerTrace[] {
  const each = new Float32Array(tokens).fill(NaN);
  const weights = new Map<number, Float32Array>();
  return moeLayers.map((shape, i): LayerTrace => {
    const weight = weights.get(shape.k) ?? new Float32Array(tokens * shape.k).fill(NaN);
    weights.set(shape.k, weight);
    return {
      ...shape,
      chosen: columns[i]!.chosen,
      weight,
      entropy: each,
      margin: each,
      probSum: new Float64Array(shape.experts).fill(NaN),
      logSumExpSq: NaN,
    };
  });
}

/** A layer of which slots are counted; k is undefined where nothing tells it. */
export function countedShape(layer: number, experts: number, k: number | undefined): LayerShape {
  return k === undefined
    ? { layer, experts, k: 1, kUnknown: true, candidates: 1 }
    : { layer, experts, k, candidates: k };
}

/** What is known of a model that others ran: its shape; the rest is 0, empty or unknown. */
export function modelElsewhere(
  known: Partial<ModelInfo> & Pick<ModelInfo, 'name' | 'layers' | 'moeLayers'>,
  notes: readonly string[],
): ModelInfo {
  const said = [
    ...(known.moeLayers.some(({ kUnknown }) => kUnknown)
      ? [l10n.t`Experts per token are not recorded: each slot counts as a token.`]
      : []),
    ...notes,
  ];
  return {
    folder: '',
    architecture: '',
    hiddenSize: 0,
    vocabulary: 0,
    context: 0,
    parameters: { total: 0, active: 0 },
    precision: UNKNOWN_PRECISION,
    provider: UNKNOWN_PROVIDER,
    ...known,
    ...(said.length > 0 ? { note: said.join(' ') } : {}),
  };
}
