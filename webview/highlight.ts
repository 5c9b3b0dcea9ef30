/** What pointing and clicking do to the highlighted expert: pointing previews, a click toggles. */
import type { ExpertRef } from '../extension/protocol/trace.ts';
import type { ViewAction, ViewState } from '../extension/protocol/webview.ts';

export class Highlighter {
  readonly #post: (action: ViewAction) => void;
  /** Of the text that is shown. */
  #key: string | undefined;
  #preview: ExpertRef | undefined;
  #sticky: ExpertRef | undefined;

  constructor(post: (action: ViewAction) => void) {
    this.#post = post;
  }

  /** The host's word on what is highlighted; while previewing it is our own preview that comes back. */
  update({ key, highlight }: Pick<ViewState, 'key' | 'highlight'>): void {
    if (key !== this.#key) this.point(undefined);
    this.#key = key;
    if (!this.#preview) this.#sticky = highlight;
  }

  /** Pointing at an expert; undefined on leaving. */
  point(expert: ExpertRef | undefined): void {
    if (sameExpert(expert, this.#preview)) return;
    this.#preview = expert;
    this.#send(expert, true);
  }

  toggle(expert: ExpertRef): void {
    this.#sticky = sameExpert(expert, this.#sticky) ? undefined : expert;
    this.#send(this.#sticky, false);
  }

  clear(): void {
    this.#preview = undefined;
    this.#sticky = undefined;
    this.#send(undefined, false);
  }

  #send(expert: ExpertRef | undefined, preview: boolean): void {
    this.#post(expert ? { type: 'highlight', expert, preview } : { type: 'highlight', preview });
  }
}

export function sameExpert(a: ExpertRef | undefined, b: ExpertRef | undefined): boolean {
  return a?.layer === b?.layer && a?.expert === b?.expert;
}
