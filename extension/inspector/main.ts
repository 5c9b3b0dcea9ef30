/** The inspector process: reads what models say of themselves. It loads no native module, so it is up in no time. */
import '../protocol/childLanguage.ts';
import * as l10n from '@vscode/l10n';
import process from 'node:process';
import {
  createMessageConnection,
  IPCMessageReader,
  IPCMessageWriter,
  ResponseError,
  type CancellationToken,
} from 'vscode-jsonrpc/node';
import { hubFolder, hubSnapshots } from '../formats/hubCache.ts';
import { hasExperts } from '../models/families.ts';
import { routersOf } from '../models/foreign/readForeign.ts';
import { UNAVAILABLE } from '../models/unavailable.ts';
import { fromEngine } from '../protocol/engine.ts';
import { isUserError, messageOf, type ErrorData } from '../protocol/errors.ts';
import { toInspector } from '../protocol/inspector.ts';
import type { HubModel } from '../protocol/model.ts';
import { inspect } from './inspect.ts';
import { RecordingPieces } from './recordingPieces.ts';
import { modelShape } from './shape.ts';
import { TensorLists } from './tensorLists.ts';

/** Digits of a commit that tell it from others. */
const SHORT_REVISION = 8;

const connection = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));
const lists = new TensorLists();
const pieces = new RecordingPieces();
connection.onRequest(toInspector.inspect, (path) => answer(() => inspect(path)));
connection.onRequest(toInspector.shape, (folder) => answer(() => modelShape(folder)));
connection.onRequest(toInspector.recording, (paths) => answer(() => pieces.open(paths)));
connection.onRequest(toInspector.piece, (piece) => answer(() => Promise.resolve(pieces.take(piece))));
connection.onRequest(toInspector.tensors, (query) => answer(() => lists.find(query)));
connection.onRequest(toInspector.routers, (path) => answer(() => routersOf(path)));
connection.onRequest(toInspector.find, (token) =>
  answer(async () => ({ hub: await hubModels(signalOf(token)), unavailable: UNAVAILABLE })),
);
// The host is gone: nobody can want an answer any more.
process.on('disconnect', () => process.exit());
connection.listen();
void connection.sendNotification(fromEngine.ready, { onnxruntime: '' });

async function hubModels(signal: AbortSignal): Promise<readonly HubModel[]> {
  const models: { folder: string; name: string; revision: string }[] = [];
  for await (const { folder, name, revision } of hubSnapshots(hubFolder(process.env), hasExperts, signal)) {
    models.push({ folder, name, revision: revision.slice(0, SHORT_REVISION) });
  }
  return models.map(({ revision, ...model }) =>
    models.some((other) => other.name === model.name && other.folder !== model.folder) ? { ...model, revision } : model,
  );
}

/** Errors leave as data. */
async function answer<R>(work: () => Promise<R>): Promise<R | ResponseError<ErrorData>> {
  try {
    return await work();
  } catch (error) {
    if (isUserError(error)) return new ResponseError(1, error.message, { code: error.code });
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    void connection.sendNotification(fromEngine.log, { level: 'error', message: stack });
    return new ResponseError(1, l10n.t`The inspection failed: ${messageOf(error)}`, { code: 'internal' });
  }
}

function signalOf(token: CancellationToken): AbortSignal {
  const cancel = new AbortController();
  token.onCancellationRequested(() => {
    cancel.abort();
  });
  return cancel.signal;
}
