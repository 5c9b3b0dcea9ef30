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
type Fallback = (section: string, action: string, context: ActionContext) => unknown;

/** What the actions of a report's sections do, by section and action. */
export class ReportActions {
  readonly #handlers = new Map<string, Handler>();
  #fallback: Fallback | undefined;

  add(section: string, action: string, handler: Handler): void {
    this.#handlers.set(`${section}/${action}`, handler);
  }

  /** What is asked about actions that nobody added. */
  addFallback(handler: Fallback): void {
    this.#fallback = handler;
  }

  /** Throws what the action throws; an action that nobody knows does nothing. */
  async run(section: string, action: string, context: ActionContext): Promise<void> {
    const handler = this.#handlers.get(`${section}/${action}`);
    await (handler ? handler(context) : this.#fallback?.(section, action, context));
  }
}
