import { LitElement } from 'lit';
import type { ExpertRef } from '../../extension/protocol/trace.ts';

/** A component styled by the view's own sheet: its elements stand in the page, not behind a shadow root. */
export class LightElement extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }
}

/** What pointing at an expert, clicking it and clearing do; views hand it to their charts. */
export interface ExpertActions {
  readonly point: (expert: ExpertRef | undefined) => void;
  readonly toggle: (expert: ExpertRef) => void;
  readonly clear: () => void;
}
