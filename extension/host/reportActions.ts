import type { Parameters } from '../protocol/report.ts';
import type { SubjectSource } from '../client/analystClient.ts';
import type { Session } from './session.ts';

/** For what an action is asked. */
export interface ActionContext {
  readonly subject: SubjectSource;
  /** The session whose text the subject is; undefined for a folder or a recording. */
  readonly session: Session | undefined;
  /** What the user set of the section. */
  readonly set: Parameters;
}

type Handler = (context: ActionContext) => unknown;

/** What the actions of a report's sections do, by section and action. */
export class ReportActions {
  readonly #handlers = new Map<string, Handler>();

  add(section: string, action: string, handler: Handler): void {
    this.#handlers.set(`${section}/${action}`, handler);
  }

  /** Throws what the action throws; an action that nobody knows does nothing. */
  async run(section: string, action: string, context: ActionContext): Promise<void> {
    await this.#handlers.get(`${section}/${action}`)?.(context);
  }
}
