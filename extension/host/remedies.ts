import type { ErrorCode } from '../protocol/errors.ts';

/** The one thing to do about an error: the button's label, and the command that it runs. */
export interface Remedy {
  readonly label: string;
  readonly command: string;
}

const chooseModel: Remedy = { label: 'Choose Model…', command: 'moescope.chooseModel' };
const useServer: Remedy = { label: 'Use a Server…', command: 'moescope.useServer' };
const showLog: Remedy = { label: 'Show Log', command: 'moescope.showLog' };

/** What mends an error; undefined where nothing went wrong. */
export const REMEDIES: Readonly<Record<ErrorCode, Remedy | undefined>> = {
  'folder-missing': chooseModel,
  'config-missing': chooseModel,
  'config-invalid': chooseModel,
  'not-moe': chooseModel,
  'architecture-unsupported': chooseModel,
  'router-ambiguous': chooseModel,
  'precision-unsupported': { label: 'Open Settings', command: 'moescope.openSettings' },
  'weights-missing': chooseModel,
  'weights-invalid': chooseModel,
  'tokenizer-missing': chooseModel,
  'tokenizer-invalid': chooseModel,
  'out-of-memory': { label: 'Analyze Visible Part', command: 'moescope.analyzeVisible' },
  'text-empty': { label: 'Open Sample', command: 'moescope.openSample' },
  'trace-invalid': showLog,
  'server-unreachable': useServer,
  'server-unfit': useServer,
  'cache-unwritable': showLog,
  'intervention-invalid': { label: 'Open Load Report', command: 'moescope.openReport' },
  cancelled: undefined,
  'engine-failed': { label: 'Restart Engine', command: 'moescope.restartEngine' },
  'engine-gone': { label: 'Analyze Again', command: 'moescope.analyze' },
  // The next request starts it again.
  'inspector-failed': showLog,
  'inspector-gone': showLog,
  internal: showLog,
};
