/** An engine's answer, byte by byte as it came, into columns. Takes long for long texts: it runs in a thread of its own. */
import * as l10n from '@vscode/l10n';
import { readEngineReply, type ReplyContext } from '../formats/engineReply.ts';
import { splitByLayer, type ExpertColumn } from '../formats/routedExperts.ts';
import { isJsonObject } from '../formats/json.ts';
import { messageOf, UserError } from '../protocol/errors.ts';
import { takeNestedIds } from './nestedIds.ts';

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
  const { promptIds, pieces, logProb, experts } = readEngineReply(valueOf(body), context);
  if (!experts) return { promptIds, pieces, logProb, k: 0, columns: undefined };
  const [, layers = 0, k = 0] = experts.shape;
  const tokens = promptIds.length;
  const ids = experts.values.subarray(0, tokens * layers * k);
  return { promptIds, pieces, logProb, k, columns: splitByLayer(ids, tokens, layers, k) };
}

/** The value of an answer; long lists of ids in it as an array that is read already. */
function valueOf(body: Uint8Array): unknown {
  const taken = takeNestedIds(body);
  if (taken) {
    const value = jsonOf(taken.rest);
    if (isJsonObject(value) && value['prompt_routed_experts'] === null) {
      return { ...value, prompt_routed_experts: taken.ids };
    }
  }
  return jsonOf(body);
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw new UserError('server-unfit', l10n.t`The server's answer is no JSON: ${messageOf(error)}.`, { cause: error });
  }
}
