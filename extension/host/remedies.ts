import * as l10n from '@vscode/l10n';
import type { ErrorCode } from '../protocol/errors.ts';

/** The one thing to do about an error: the button's label, and the command that it runs. */
export interface Remedy {
  readonly label: string;
  readonly command: string;
}

const chooseModel: Remedy = { label: l10n.t`Choose Model…`, command: 'moescope.chooseModel' };
const useServer: Remedy = { label: l10n.t`Use a Server…`, command: 'moescope.useServer' };
const showLog: Remedy = { label: l10n.t`Show Log`, command: 'moescope.showLog' };

/** What mends an error; undefined where nothing went wrong, or nothing mends it. */
export const REMEDIES: Readonly<Record<ErrorCode, Remedy | undefined>> = {
  'folder-missing': chooseModel,
  'config-missing': chooseModel,
  'config-invalid': chooseModel,
  'not-moe': chooseModel,
  'architecture-unsupported': chooseModel,
  'router-ambiguous': chooseModel,
  'precision-unsupported': { label: l10n.t`Open Settings`, command: 'moescope.openSettings' },
  'weights-missing': chooseModel,
  'weights-invalid': chooseModel,
  'tokenizer-missing': chooseModel,
  'tokenizer-invalid': chooseModel,
  // Said with what was routed until then.
  'model-changed': undefined,
  'model-too-large': chooseModel,
  'out-of-memory': { label: l10n.t`Analyze Visible Part`, command: 'moescope.analyzeVisible' },
  'text-empty': { label: l10n.t`Open Sample`, command: 'moescope.openSample' },
  'text-gone': undefined,
  'trace-invalid': showLog,
  'server-unreachable': useServer,
  'server-unfit': useServer,
  'experts-physical': useServer,
  'cache-unwritable': showLog,
  'cache-full': { label: l10n.t`Clear Model Cache`, command: 'moescope.clearCache' },
  'intervention-invalid': { label: l10n.t`Open Load Report`, command: 'moescope.openReport' },
  cancelled: undefined,
  'engine-failed': { label: l10n.t`Restart Engine`, command: 'moescope.restartEngine' },
  'engine-gone': { label: l10n.t`Analyze Again`, command: 'moescope.analyze' },
  // The next request starts it again.
  'inspector-failed': showLog,
  'inspector-gone': showLog,
  internal: showLog,
};
