import { join } from 'node:path';
import { InspectorClient } from '../client/inspectorClient.ts';
import { layerRanges } from '../analysis/layerRanges.ts';
import { findingLines } from '../analysis/routerText.ts';
import { byteSize, parameterCount, PART_NAMES, precisionLabel } from '../analysis/sizes.ts';
import { MODEL_PARTS, type Inspection } from '../protocol/model.ts';
import type { RouterFinding } from '../protocol/routers.ts';
import { writtenNow } from '../protocol/writtenNow.ts';
import { modelPath } from './route.ts';
import { logProblems } from './served.ts';
import { count, percent, table, visible } from './table.ts';
import { UsageError } from './usage.ts';

export interface InspectOptions {
  /** A checkpoint folder or a file in one; only one. */
  readonly paths: readonly string[];
  readonly json: boolean;
}

/** Says what a model is. Returns the exit code; throws UserError and UsageError. */
export async function inspect({ paths, json }: InspectOptions): Promise<number> {
  const [path, ...more] = paths;
  if (path === undefined) throw new UsageError('Which DIR or FILE?');
  if (more.length > 0) throw new UsageError('One DIR or FILE at a time.');
  const client = new InspectorClient({
    entry: join(__dirname, 'inspector.js'),
    log: logProblems,
  });
  try {
    const { signal } = new AbortController();
    const model = modelPath(path);
    const finding = await client.routers(model, signal);
    if (finding) {
      process.stdout.write(
        json
          ? jsonOf('moescope-routers', {
              file: finding.file,
              producer: finding.producer,
              candidates: finding.candidates,
            })
          : renderFinding(finding),
      );
      return 0;
    }
    const inspection = await client.inspect(model, signal);
    process.stdout.write(json ? jsonOf('moescope-model', inspection) : render(inspection));
    return 0;
  } finally {
    client.dispose();
  }
}

/** Version 1, as the README documents it. */
function jsonOf(format: string, found: object): string {
  return `${JSON.stringify({ format, version: 1, ...writtenNow(__dirname), ...found }, undefined, 1)}\n`;
}

/** What was found in an ONNX graph, and each layer of it. */
function renderFinding(finding: RouterFinding): string {
  const tables = finding.candidates.map(({ id, layers }) => {
    const rows = layers.map(({ layer, experts, k, node }) => [
      String(layer),
      String(experts),
      String(k),
      visible(node, Infinity),
    ]);
    return `\n${visible(id)}\n${table(['layer', 'experts', 'k', 'node'], rows, [3])}`;
  });
  return `${findingLines(finding)
    .map((line) => visible(line, Infinity))
    .join('\n')}\n${tables.join('')}`;
}

function render(model: Inspection): string {
  const { stored, skipped, parameters, routers, source } = model;
  const dtypes = stored.dtypes.map(({ dtype, bytes }) => `${byteSize(bytes)} ${dtype}`).join(', ');
  const lines = [
    `${visible(model.name)} (${visible(model.architecture)}, as in ${model.family})`,
    `Layers     ${layers(model)}`,
    `Sizes      hidden ${model.hiddenSize}, vocabulary ${model.vocabulary}, context ${count(model.context, 'token')}`,
    ...routers.map((rule) => `Experts    ${experts(rule)}; ${model.layout}`),
    ...routers.map(({ formula }) => `Router     ${formula}`),
    `           ${source.title}: ${source.url}`,
    `Stored     ${byteSize(stored.bytes)} in ${count(stored.files, 'file')}, ${count(stored.tensors, 'tensor')}: ${dtypes}`,
    ...skipped.map(({ what, tensors, bytes }) => `Skipped    ${what}: ${count(tensors, 'tensor')}, ${byteSize(bytes)}`),
    `Tokenizer  ${model.tokenizer ? 'tokenizer.json' : 'none: without tokenizer.json no text can be routed'}`,
    `Parameters ${parameterCount(parameters.total)}, of which ${parameterCount(parameters.active)} (${percent(parameters.active / parameters.total)}) work on a token`,
  ];
  return `${lines.join('\n')}\n\n${memoryTable(model)}\n${verdict(model)}\n`;
}

function layers({ layers }: Inspection): string {
  const of = (network: string | undefined): number[] =>
    layers.flatMap((layer, i) => (layer.network === network ? [i] : []));
  const kinds = [
    [of('moe'), 'MoE'],
    [of('dense'), 'dense'],
    [of(undefined), 'without a network'],
  ] as const;
  const named = kinds.flatMap(([at, kind]) => (at.length > 0 ? [`${at.length} ${kind} (${layerRanges(at)})`] : []));
  const mixers = [...new Set(layers.flatMap(({ mixer }) => (mixer === undefined ? [] : [mixer])))];
  return `${layers.length}: ${named.join(', ')}; ${mixers.join(', ')}`;
}

function experts({ experts, k, shared }: Inspection['routers'][number]): string {
  return `${experts}, of which a token visits ${k}${shared ? ', and a shared one' : ''}`;
}

function memoryTable({ precisions, parameters }: Inspection): string {
  const rows = MODEL_PARTS.filter((part) => parameters.parts[part] > 0).map((part) => [
    PART_NAMES[part],
    parameterCount(parameters.parts[part]),
    ...precisions.map(({ parts }) => byteSize(parts[part])),
  ]);
  return table(
    ['', 'parameters', ...precisions.map(precisionLabel)],
    [
      ...rows,
      ['all', parameterCount(parameters.total), ...precisions.map(({ total }) => byteSize(total))],
      ['one token uses', parameterCount(parameters.active), ...precisions.map(({ active }) => byteSize(active))],
      ['to run', '', ...precisions.map(({ needed }) => byteSize(needed))],
    ],
    [0],
  );
}

function verdict({ best, memory, precisions }: Inspection): string {
  const free = `${byteSize(memory.free)} of ${byteSize(memory.total)} of memory are free`;
  if (best === undefined) return `${free}: too few for any precision. All experts must sit in memory.`;
  const { total, active } = precisions.find(({ precision }) => precision === best)!;
  return `${free}: runs in ${best} on the CPU. All experts must sit in memory; one token uses ${percent(active / total)} of it.`;
}
