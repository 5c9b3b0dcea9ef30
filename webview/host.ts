/** The webview's end of the contract: posts actions, delivers checked messages, keeps small state across reloads. */
import { safeParse, type GenericSchema } from 'valibot';

/** What a view gets, sends, and keeps of its own. */
export interface Contract {
  readonly to: unknown;
  readonly from: unknown;
  readonly saved: object;
}

export class Host<C extends Contract> {
  readonly #api = acquireVsCodeApi<C['saved']>();

  /** Hands each message that fits the schema to `handle`; others are named in the console and dropped. */
  listen(schema: GenericSchema<unknown, C['to']>, handle: (message: C['to']) => void): void {
    window.addEventListener('message', (event: MessageEvent<unknown>) => {
      const result = safeParse(schema, event.data, { abortEarly: true });
      if (result.success) handle(result.output);
      // eslint-disable-next-line no-console -- the console is all a webview has, and a silent drop hides a broken contract
      else console.warn('Ignored a message that is not in the contract:', result.issues[0].message, event.data);
    });
  }

  post(message: C['from']): void {
    this.#api.postMessage(message);
  }

  /** What was saved before the view was hidden or the window reloaded. */
  get saved(): Partial<C['saved']> {
    return this.#api.getState() ?? {};
  }

  save(change: Partial<C['saved']>): void {
    this.#api.setState({ ...this.saved, ...change });
  }
}
