/**
 * Errors that are the user's to mend, apart from bugs. They cross processes as data; the message is one plain sentence
 * that can be shown as it is. Everything else is a bug: its stack goes to the log.
 */
import * as l10n from '@vscode/l10n';
import { escaped } from './escaped.ts';

export type ErrorCode =
  | 'folder-missing' // no such model folder, or it cannot be read
  | 'config-missing' // no config.json in it
  | 'config-invalid' // config.json cannot be understood
  | 'not-moe' // a model without experts
  | 'architecture-unsupported'
  | 'router-ambiguous' // an ONNX model with more than one thing that may be its routers
  | 'precision-unsupported' // this model, or this machine, cannot run in that precision or on that provider
  | 'weights-missing' // no safetensors file, or only a pickle
  | 'weights-invalid' // a damaged or lying safetensors file, a missing or misshapen tensor
  | 'tokenizer-missing'
  | 'tokenizer-invalid'
  | 'model-changed' // its files, or how it runs, are not as when a run began
  | 'model-too-large' // it does not fit into memory, however short the text is
  | 'out-of-memory'
  | 'text-empty'
  | 'text-gone' // a document that is no longer there, or says something else by now
  | 'trace-invalid' // a trace file that cannot be understood
  | 'server-unreachable' // no server answers at the address, or it stopped answering
  | 'server-unfit' // a server answers, but not with routing of the model that is asked for
  | 'experts-physical' // its routing names copies of experts, which cannot be counted with others
  | 'cache-unwritable'
  | 'cache-full' // the disk that it lies on is
  | 'intervention-invalid' // what is to be changed in the model is not there, or cannot be changed so
  | 'cancelled'
  | 'engine-failed' // the engine process could not be started, or gave up
  | 'engine-gone' // it ended while the request was under way
  | 'inspector-failed' // the same of the inspector process
  | 'inspector-gone'
  | 'internal'; // a bug; the message says where to look

export interface ErrorData {
  readonly code: ErrorCode;
}

/** Longer than any sentence with two paths in it. */
const MAX_MESSAGE = 1000;

/** A sentence may repeat what stands in a file: no name makes it endless. */
function showable(message: string): string {
  return escaped(message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE - 1)}…` : message);
}

/** An error with a sentence for the user. */
export class UserError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(showable(message), options);
    this.name = 'UserError';
  }
}

/** Failures of the engine itself, which another engine may not have. */
export const ENGINE_FAILURES: ReadonlySet<ErrorCode> = new Set(['engine-failed', 'engine-gone', 'internal']);

/** @param code only one of this code */
export function isUserError(error: unknown, code?: ErrorCode): error is UserError {
  return error instanceof UserError && (code === undefined || error.code === code);
}

/** Reason to abort what another request takes the place of, or follows: it may go on until it can stop, and is not ended by force. */
export const SUPERSEDED = 'superseded';

/** What a request that was cancelled rejects with. */
export function cancelled(): UserError {
  return new UserError('cancelled', l10n.t`The analysis was cancelled.`);
}

/** Throws `cancelled` once a signal is aborted. */
export function throwIfAborted({ aborted }: { readonly aborted: boolean }): void {
  if (aborted) throw cancelled();
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
