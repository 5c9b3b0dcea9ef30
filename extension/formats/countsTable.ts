/** Counts of experts as text: a table with one row a layer and expert, and the JSON in which papers publish theirs. */
import * as l10n from '@vscode/l10n';
import { UserError } from '../protocol/errors.ts';
import type { RecordedCounts } from '../protocol/recording.ts';
import { REPORT_VERSION } from '../protocol/report.ts';
import type { LayerCounts, LayerShape } from '../protocol/trace.ts';
import { isJsonObject, type JsonObject } from './json.ts';
import { countedShape, modelElsewhere } from './routedExperts.ts';

const MAX_EXPERTS = 0xfffe;
/** Beyond the deepest model by far. */
export const MAX_LAYER = 100_000;
/** A thousand layers of ten thousand experts. */
const MAX_COUNTS = 10_000_000;

/** Column names that people use, in lower case and without what is no letter; the first of them that is there counts. */
const COLUMNS = {
  layer: ['layer', 'layerid', 'layeridx', 'layerindex'],
  expert: ['expert', 'expertid', 'expertidx', 'expertindex'],
  count: ['count', 'counts', 'slots', 'tokens', 'numtokens', 'n'],
  k: ['k', 'topk'],
} as const;

/** What a table says of a layer. */
interface TableLayer {
  /** The first that names it. */
  readonly line: number;
  /** Undefined where no column has it. */
  readonly k: number | undefined;
  /** By expert. */
  readonly counts: Map<number, number>;
}

/** The columns that a line of text names; undefined where it is no header of counts. */
function columnsOf(line: string): Record<keyof typeof COLUMNS, number> | undefined {
  const names = cells(line).map((cell) => cell.toLowerCase().replace(/[^a-z]/g, ''));
  const at = (column: keyof typeof COLUMNS): number => {
    const name = (COLUMNS[column] as readonly string[]).find((one) => names.includes(one));
    return name === undefined ? -1 : names.indexOf(name);
  };
  const found = { layer: at('layer'), expert: at('expert'), count: at('count'), k: at('k') };
  return found.layer < 0 || found.expert < 0 || found.count < 0 ? undefined : found;
}

export function isCountsTable(text: string): boolean {
  // JSON may have a text with the columns' names in its first line.
  const [first] = text.slice(0, 10_000).split('\n', 1);
  return !/^\s*[{[]/.test(text) && columnsOf(first!) !== undefined;
}

/**
 * Reads a table with a header that names columns for layer, expert and count, and maybe k, divided by commas, semicolons or
 * tabs. Experts that it leaves out took nothing.
 *
 * @throws UserError `trace-invalid` naming the line
 */
export function readCountsTable(text: string, name: string): RecordedCounts {
  const lines = text.split(/\r?\n/);
  const columns = columnsOf(lines[0]!);
  if (!columns) throw invalid(l10n.t`its first line does not name columns for layer, expert and count`);
  const layers = new Map<number, TableLayer>();
  lines.slice(1).forEach((line, i) => {
    if (line.trim() === '') return;
    const row = cells(line);
    const number = (at: number): number => (/^\d{1,15}(\.0*)?$/.test(row[at] ?? '') ? Number(row[at]) : NaN);
    const [layer, expert, count] = [number(columns.layer), number(columns.expert), number(columns.count)];
    if (!(layer <= MAX_LAYER && expert < MAX_EXPERTS && count >= 0)) {
      throw invalid(l10n.t`line ${i + 2} has no whole numbers for layer, expert and count`);
    }
    const k = columns.k < 0 ? undefined : number(columns.k);
    if (k !== undefined && !(k >= 1)) throw invalid(l10n.t`line ${i + 2} has no whole number from 1 on for k`);
    const of = layers.get(layer) ?? { line: i + 2, k, counts: new Map<number, number>() };
    if (k !== of.k) throw invalid(l10n.t`line ${i + 2} has k ${k!}, but layer ${layer} has ${of.k!} before`);
    if (of.counts.has(expert))
      throw invalid(l10n.t`line ${i + 2} counts expert ${expert} of layer ${layer} a second time`);
    of.counts.set(expert, count);
    layers.set(layer, of);
  });
  if (layers.size === 0) throw invalid(l10n.t`it has no rows`);
  // A layer whose last expert took nothing may end early.
  const experts = Math.max(...[...layers.values()].map(({ counts }) => Math.max(...counts.keys()))) + 1;
  if (layers.size * experts > MAX_COUNTS) throw invalid(l10n.t`its numbers of layers and experts are too high`);
  const loads = [...layers].map(([layer, { line, k, counts }]) => {
    if (k !== undefined && k > experts)
      throw invalid(l10n.t`line ${line} has k ${k}, but there are ${experts} experts`);
    return {
      shape: countedShape(layer, experts, k),
      counts: Float64Array.from({ length: experts }, (_, e) => counts.get(e) ?? 0),
    };
  });
  return countsOf('', name, loads);
}

/** Whether a value is counts by model, domain and layer, as {model: {experts, k, counts: {domain: {layer: [count]}}}}. */
export function isPublishedCounts(value: unknown): value is JsonObject {
  return isJsonObject(value) && Object.values(value).some((of) => isJsonObject(of) && isJsonObject(of['counts']));
}

/**
 * Reads such counts: one entry for each model and domain.
 *
 * @throws UserError `trace-invalid` naming what is wrong
 */
export function readPublishedCounts(value: JsonObject): RecordedCounts[] {
  return Object.entries(value).flatMap(([model, of]) => {
    if (!isJsonObject(of) || !isJsonObject(of['counts'])) return [];
    const { k } = of;
    const choices = typeof k === 'number' && Number.isInteger(k) && k >= 1 ? k : undefined;
    return Object.entries(of['counts']).map(([domain, layers]) => {
      if (!isJsonObject(layers)) throw invalid(l10n.t`${model}, ${domain} has no layers`);
      const loads = Object.entries(layers).map(([layer, counts]) =>
        loadOf(`${model}, ${domain}`, layer, counts, choices),
      );
      if (loads.length === 0) throw invalid(l10n.t`${model}, ${domain} has no layers`);
      return countsOf(`${model}, ${domain}`, model, loads);
    });
  });
}

/** Whether a value is a report that moescope wrote; its load can be opened again. */
export function isReportJson(value: unknown): value is JsonObject {
  return isJsonObject(value) && value['format'] === 'moescope-report';
}

/**
 * The load of each of several reports, under its name.
 *
 * @throws UserError `trace-invalid`
 */
export function readReportCounts(reports: readonly JsonObject[]): RecordedCounts[] {
  // The sum of several kinds of text is made again of these.
  const parts = reports.filter((report) => !Array.isArray(report['kinds']));
  return (parts.length > 0 ? parts : reports).map((report, i, { length }) => {
    const { version } = report;
    if (typeof version === 'number' && version > REPORT_VERSION) {
      throw invalid(l10n.t`it has version ${version}, and only versions up to ${REPORT_VERSION} are known`);
    }
    const load: unknown = isJsonObject(report['load']) ? report['load']['layers'] : undefined;
    const model: unknown = isJsonObject(report['model']) ? report['model']['name'] : undefined;
    if (!Array.isArray(load) || load.length === 0) throw invalid(l10n.t`the report has no load`);
    const loads = (load as readonly unknown[]).map((of): LayerCounts => {
      const { layer, stack, k, counts }: JsonObject = isJsonObject(of) ? of : {};
      const choices = typeof k === 'number' && k >= 1 ? Math.floor(k) : undefined;
      const { shape, ...rest } = loadOf(l10n.t`the report`, String(layer), counts, choices);
      return { shape: stack === 'encoder' || stack === 'decoder' ? { ...shape, stack } : shape, ...rest };
    });
    // Version 1 has no name.
    const name = typeof report['name'] === 'string' ? report['name'] : String(i + 1);
    const counts = countsOf(length > 1 ? name : '', typeof model === 'string' ? model : 'unnamed', loads);
    const { precision, provider } = report;
    const ran = {
      ...(typeof precision === 'string' ? { precision } : {}),
      ...(typeof provider === 'string' ? { provider } : {}),
    };
    return { ...counts, model: { ...counts.model, ...ran } };
  });
}

function loadOf(where: string, layer: string, counts: unknown, k: number | undefined): LayerCounts {
  if (!/^\d{1,5}$/.test(layer)) throw invalid(l10n.t`${where} has a layer ${JSON.stringify(layer.slice(0, 20))}`);
  const whole = Array.isArray(counts) && counts.length > 0 && counts.length <= MAX_EXPERTS;
  if (!whole || !counts.every((c) => typeof c === 'number' && c >= 0 && c < 2 ** 53)) {
    throw invalid(l10n.t`${where} has no counts for layer ${layer}`);
  }
  if (!counts.every(Number.isInteger)) throw invalid(l10n.t`${where} has shares for layer ${layer}, not whole numbers`);
  if (k !== undefined && k > counts.length) {
    throw invalid(l10n.t`${where} has k ${k} for layer ${layer}, but there are ${counts.length} experts`);
  }
  const shape = countedShape(Number(layer), counts.length, k);
  return { shape, counts: Float64Array.from(counts as readonly number[]) };
}

function countsOf(name: string, modelName: string, all: readonly LayerCounts[]): RecordedCounts {
  // Dense layers may be there as well.
  const used = all.filter(({ counts }) => counts.some((c) => c > 0));
  const loads = [...(used.length > 0 ? used : all)].sort((a, b) => place(a.shape) - place(b.shape));
  const twice = loads.find(({ shape }, i) => i > 0 && place(shape) === place(loads[i - 1]!.shape));
  if (twice) throw invalid(l10n.t`layer ${twice.shape.layer} appears twice`);
  const model = modelElsewhere(
    {
      name: modelName,
      // Layers that it leaves out may have experts as well.
      layers: 0,
      moeLayers: loads.map(({ shape }) => shape),
    },
    [],
  );
  return { name, model, loads };
}

/** Where a layer stands: those of an encoder before those of a decoder. */
function place({ layer, stack }: LayerShape): number {
  return layer + (stack === 'decoder' ? MAX_LAYER + 1 : 0);
}

function cells(line: string): string[] {
  return line.split(/[,;\t]/).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
}

function invalid(what: string): UserError {
  return new UserError('trace-invalid', l10n.t`These counts cannot be opened: ${what}.`);
}
