import type { Webview } from 'vscode';
import * as v from 'valibot';
import { Disposables } from './disposables.ts';
import type { Log } from './log.ts';

export interface ChannelOptions<In> {
  readonly schema: v.GenericSchema<unknown, In>;
  readonly receive: (message: In) => void;
  readonly log: Log;
}

/** The host's end of a webview: checked messages in, typed messages out. */
export class Channel<Out, In> {
  readonly #webview: Webview;
  readonly #disposables = new Disposables();

  constructor(webview: Webview, { schema, receive, log }: ChannelOptions<In>) {
    this.#webview = webview;
    this.#disposables.add(
      webview.onDidReceiveMessage((message: unknown) => {
        const checked = v.safeParse(schema, message, { abortEarly: true });
        if (checked.success) receive(checked.output);
        else {
          const [issue] = checked.issues;
          const where = v.getDotPath(issue) ?? 'message';
          log.write({ level: 'warn', message: `A view sent what it must not: ${where}: ${issue.message}` });
        }
      }),
    );
  }

  /** Sends a message; one that no page is there to receive is lost, as the page asks for everything when it comes up. */
  post(message: Out): void {
    void this.#webview.postMessage(message);
  }

  dispose(): void {
    this.#disposables.dispose();
  }
}
