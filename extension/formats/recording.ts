/** Opens recorded routing, whatever wrote it. What a file is shows from its first bytes, not from its name. */
import * as l10n from '@vscode/l10n';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { isUserError, messageOf, UserError } from '../protocol/errors.ts';
import type { Recording, RecordedCounts } from '../protocol/recording.ts';
import type { ModelInfo } from '../protocol/trace.ts';
import {
  isCountsTable,
  isPublishedCounts,
  isReportJson,
  readCountsTable,
  readPublishedCounts,
  readReportCounts,
} from './countsTable.ts';
import { isEngineReply } from './engineReply.ts';
import { isGguf, isLegacyImatrix, readImatrix, refuseLegacyImatrix } from './imatrix.ts';
import { isAlike, isOfOneModel, mergedCounts, notedCounts } from './mergedCounts.ts';
import { isNpy, readNpy, readNpz } from './npy.ts';
import { arraysRecording, repliesRecording } from './recordedIds.ts';
import { isAbsent, regularFile } from './regularFile.ts';
import type { KnownLayers } from './routedExperts.ts';
import { readSglangDump } from './sglangDump.ts';
import { isTorchSave, readTorchSave } from './torchSave.ts';
import { isTraceJson, readTraceJson } from './traceJson.ts';
import { isZip, readZip } from './zip.ts';

/** Beyond this it is no recording that fits into memory with what is made of it. */
const MAX_BYTES = 2_000_000_000;
/** The longest string that there is. */
const MAX_TEXT = 500_000_000;

/** What MoEScope opens, for a sentence that refuses something else. */
const KINDS = l10n.t`a trace or report that MoEScope wrote, .npy or .npz expert ids, answers of vLLM or SGLang as JSON, a dump (.pt) of SGLang's recorder, an importance matrix of llama.cpp, or a table of counts`;

/**
 * Opens files that are one recording: a single file of any kind, or counts of the same layers, which are added up. Of several
 * those that cannot be are left out, which the sum's note says.
 *
 * @param known what the config of the model says whose expert ids these are
 * @throws UserError `trace-invalid` naming what is wrong: with the file, or with the first of several of which none is left
 */
export async function readRecordings(paths: readonly [string, ...string[]], known?: KnownLayers): Promise<Recording> {
  const [first, ...more] = paths;
  if (more.length === 0) return readRecording(first, known);
  const parts: RecordedCounts[] = [];
  const leftOut: string[] = [];
  let failure: unknown;
  let firstName: string | undefined;
  for (const path of paths) {
    const name = basename(path);
    try {
      const found = await partOf(path);
      if (parts[0] && !isAlike(parts[0], found)) throw invalid(l10n.t`its layers or experts are others`);
      const other = parts.find((part) => !isOfOneModel(part, found));
      if (other) throw invalid(ofAnother(found.model, other.model));
      parts.push(found);
      firstName ??= stemOf(path);
    } catch (error) {
      if (!isUserError(error)) throw error;
      failure ??= error;
      leftOut.push(l10n.t`${name} is left out: ${error.message}`);
    }
  }
  const [part, ...others] = parts;
  if (!part) throw failure;
  const sum = others.length > 0 ? [l10n.t`The sum of ${parts.length} files.`] : [];
  const merged = mergedCounts([part, ...others], [...sum, ...leftOut]);
  const name = merged.model.name || firstName!;
  return counts([{ ...merged, model: { ...merged.model, name } }]);
}

function ofAnother(found: ModelInfo, other: ModelInfo): string {
  return l10n.t`it is of ${found.name} (${found.precision}), and others are of ${other.name} (${other.precision})`;
}

/** What one of several files counts, its model without a name where the file does not tell it. Throws UserError `trace-invalid`. */
async function partOf(path: string): Promise<RecordedCounts> {
  const recording = await readFileOf(path, '');
  if (recording.kind === 'trace') throw invalid(l10n.t`it holds tokens, and of several files only counts are added up`);
  if (recording.counts.length > 1) throw invalid(l10n.t`it holds several counts`);
  return recording.counts[0];
}

/**
 * Opens a file of recorded routing.
 *
 * @throws UserError `trace-invalid` naming what is wrong
 */
export async function readRecording(path: string, known?: KnownLayers): Promise<Recording> {
  const recording = await readFileOf(path, stemOf(path), known);
  if (recording.kind === 'trace') return recording;
  return counts(
    recording.counts.map((of) =>
      of.rank === undefined ? of : notedCounts(of, [l10n.t`What rank ${of.rank} alone counted.`]),
    ),
  );
}

/** What to call a model of which the file says nothing. */
function stemOf(path: string): string {
  return basename(path).replace(/\.[^.]{1,6}$/, '');
}

/** @param model what to call the model where the file does not tell */
async function readFileOf(path: string, model: string, known?: KnownLayers): Promise<Recording> {
  const name = basename(path);
  let bytes: Uint8Array;
  try {
    const { size } = await regularFile(path);
    if (size > MAX_BYTES) throw new Error(l10n.t`it has ${size} bytes, which is too large`);
    bytes = await readFile(path);
  } catch (error) {
    const what = isAbsent(error)
      ? l10n.t`There is no file ${path}.`
      : l10n.t`${name} cannot be read: ${messageOf(error)}.`;
    throw new UserError('trace-invalid', what, { cause: error });
  }
  try {
    return recordingOf(bytes, model, known);
  } catch (error) {
    // The same sentence, though no server had a part in it.
    if (isUserError(error, 'server-unfit')) {
      throw new UserError('trace-invalid', error.message, { cause: error });
    }
    throw error;
  }
}

/** @param name what to call the model where the file does not tell */
export function recordingOf(bytes: Uint8Array, name: string, known?: KnownLayers): Recording {
  if (isNpy(bytes)) return arraysRecording(new Map([['', readNpy(bytes)]]), name, known);
  if (isZip(bytes)) {
    return isTorchSave(readZip(bytes))
      ? readSglangDump(readTorchSave(bytes), name, known)
      : arraysRecording(readNpz(bytes), name, known);
  }
  if (isGguf(bytes)) return counts([readImatrix(bytes, name)]);
  if (isLegacyImatrix(bytes)) refuseLegacyImatrix();
  return textRecording(textOf(bytes), name, known);
}

function textRecording(text: string, name: string, known: KnownLayers | undefined): Recording {
  if (isCountsTable(text)) return counts([readCountsTable(text, name)]);
  const values = jsonOf(text);
  const [first] = values;
  if (isEngineReply(first) || (Array.isArray(first) && isEngineReply(first[0]))) {
    return repliesRecording(values.flat(), name, known);
  }
  if (values.every(isReportJson)) return counts(readReportCounts(values));
  if (values.every(isPublishedCounts)) return counts(values.flatMap(readPublishedCounts));
  if (values.some((value) => isReportJson(value) || isPublishedCounts(value))) {
    throw invalid(l10n.t`its lines are not all of the same kind`);
  }
  if (values.length > 1 || !isTraceJson(first)) throw invalid(l10n.t`it is not ${KINDS}`);
  return { kind: 'trace', ...readTraceJson(text) };
}

/** The value of a JSON file, or of each line of JSON Lines. */
function jsonOf(text: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch (error) {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    try {
      if (lines.length > 1) return lines.map((line): unknown => JSON.parse(line));
    } catch {
      // The first error says more.
    }
    throw invalid(l10n.t`it is not ${KINDS} (${messageOf(error)})`, error);
  }
}

function textOf(bytes: Uint8Array): string {
  if (bytes.length > MAX_TEXT) throw invalid(l10n.t`it has ${bytes.length} bytes, which is too large`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw invalid(l10n.t`it is not ${KINDS}`, error);
  }
}

function counts(found: readonly RecordedCounts[]): Recording {
  const [first, ...more] = found;
  if (!first) throw invalid(l10n.t`it has no counts`);
  if (!found.some(({ loads }) => loads.some(({ counts }) => counts.some((c) => c > 0)))) {
    throw invalid(l10n.t`nothing was recorded`);
  }
  return { kind: 'counts', counts: [first, ...more] };
}

function invalid(what: string, cause?: unknown): UserError {
  return new UserError('trace-invalid', l10n.t`This is no recording that MoEScope can open: ${what}.`, { cause });
}
