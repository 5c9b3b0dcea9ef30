/** An engine's answer, byte by byte as it came, into columns. Takes long for long texts: it runs in a thread of its own. */
import * as l10n from '@vscode/l10n';
import { readEngineReply, type ReplyContext } from '../formats/engineReply.ts';
import { splitByLayer, type ExpertColumn } from '../formats/routedExperts.ts';
import { messageOf, UserError } from '../protocol/errors.ts';
import { isTooMuch, MAX_VALUES } from './jsonSize.ts';
import { takeIds } from './takenIds.ts';

/** Routing of a window's tokens. */
export interface DecodedReply {
  readonly promptIds: Int32Array;
  /** Text of each token where the engine tells it. */
  readonly pieces: readonly (string | null)[];
  /** Of the prompt's tokens. */
  readonly logProb: Float32Array<ArrayBuffer>;
  readonly k: number;
  /** By layer of the engine's array, of the prompt's tokens; undefined where the answer has no routing. */
  readonly columns: readonly ExpertColumn[] | undefined;
}

/** @throws UserError `server-unfit` in a sentence that says what does not fit */
export function decodeReply(body: Uint8Array, context: ReplyContext): DecodedReply {
  const taken = takeIds(body);
  const known = taken ? { ...context, routed: taken.routed } : context;
  const { promptIds, pieces, logProb, experts } = readEngineReply(jsonOf(taken?.rest ?? body), known);
  if (!experts) return { promptIds, pieces, logProb, k: 0, columns: undefined };
  const [, layers = 0, k = 0] = experts.shape;
  const tokens = promptIds.length;
  const ids = experts.values.subarray(0, tokens * layers * k);
  return { promptIds, pieces, logProb, k, columns: splitByLayer(ids, tokens, layers, k) };
}

function jsonOf(body: Uint8Array): unknown {
  if (isTooMuch(body)) {
    throw new UserError(
      'server-unfit',
      l10n.t`The server's answer is no routing: it has more than ${MAX_VALUES / 1e6} million values.`,
    );
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw new UserError('server-unfit', l10n.t`The server's answer is no JSON: ${messageOf(error)}.`, { cause: error });
  }
}
