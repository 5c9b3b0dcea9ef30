import * as l10n from '@vscode/l10n';
import { commands, window } from 'vscode';
import { isUserError, UserError } from '../protocol/errors.ts';
import type { Log } from './log.ts';
import { unlinked } from './markdown.ts';
import { REMEDIES } from './remedies.ts';

/** Tells the user what went wrong: one sentence, one action. Stacks go to the log. */
export class Problems {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** `context` says what was being done, for the log. Settles at once; the message stays until it is answered. */
  report(context: string, error: unknown): void {
    const problem = isUserError(error) ? error : bug(error);
    if (problem.code === 'cancelled') return;
    this.#log.error(context, error);
    const remedy = REMEDIES[problem.code];
    const message = unlinked(problem.message);
    const shown = remedy ? window.showErrorMessage(message, remedy.label) : window.showErrorMessage(message);
    void shown.then((answer) => {
      if (remedy && answer === remedy.label) return commands.executeCommand(remedy.command);
      return undefined;
    });
  }
}

function bug(error: unknown): UserError {
  return new UserError('internal', bugSentence(), { cause: error });
}

/** What is said of an error that has no sentence of its own. */
export function bugSentence(): string {
  return l10n.t`Something went wrong inside MoEScope. The log has the details.`;
}
