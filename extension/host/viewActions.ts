import { commands } from 'vscode';
import type { ExpertRef } from '../protocol/trace.ts';
import type { ViewAction, ViewCommand } from '../protocol/webview.ts';
import type { Lens } from './lens.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';

const COMMANDS: Readonly<Record<ViewCommand, string>> = {
  analyze: 'moescope.analyze',
  analyzeAgain: 'moescope.analyze',
  cancel: 'moescope.cancel',
  openSample: 'moescope.openSample',
  openMap: 'moescope.openMap',
  openReport: 'moescope.openReport',
  compareBundled: 'moescope.compareBundled',
  chooseModel: 'moescope.chooseModel',
};

/** What of a view's notices is asked for of its own text. */
function argumentsOf(command: ViewCommand, session: Session | undefined): readonly unknown[] {
  return session && (command === 'analyzeAgain' || command === 'cancel') ? [{ uri: session.key }] : [];
}

/** Does what a user asked for in a view. */
export class ViewActions {
  readonly #sessions: Sessions;
  readonly #lens: Lens;

  constructor(sessions: Sessions, lens: Lens) {
    this.#sessions = sessions;
    this.#lens = lens;
  }

  /**
   * @param session whose text the view is about
   * @param pointed in whose text experts of the view stand out
   */
  handle(action: ViewAction, session: Session | undefined, pointed = session): void {
    switch (action.type) {
      case 'chooseLayer':
        void this.#lens.chooseLayer(action.layer);
        break;
      case 'chooseTint':
        void this.#lens.chooseTint(action.tint);
        break;
      case 'highlight':
        // What was pointed at may be of a text that the view has turned from since.
        if (action.preview && !action.expert) this.#sessions.endPreview();
        else if (pointed) this.#highlight(pointed, action.expert, action.preview);
        break;
      case 'command':
        void commands.executeCommand(COMMANDS[action.command], ...argumentsOf(action.command, session));
        break;
    }
  }

  /** The page of a view is gone, hidden or closed, and with it what was pointed at in it. */
  leave(): void {
    this.#sessions.endPreview();
  }

  #highlight(session: Session, expert: ExpertRef | undefined, preview: boolean): void {
    session.preview = preview ? expert : undefined;
    if (!preview) session.pinned = expert;
    this.#sessions.publish(session, 'highlight');
  }
}
