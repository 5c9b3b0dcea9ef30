/**
 * A chart in the page: drawn as wide as its place, with what is pointed at named beside it. With the keyboard the arrow keys go
 * from mark to mark; marks of experts highlight the expert's tokens in the editor, and a click or Enter pins them.
 */
import * as l10n from '@vscode/l10n';
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { unsafeHTML } from 'lit/directives/unsafe-html.js';
import { draw } from '../../extension/analysis/charts/draw.ts';
import { svgElement, type Drawing, type Mark, type Place } from '../../extension/analysis/charts/drawing.ts';
import type { Figure } from '../../extension/protocol/report.ts';
import type { ExpertRef } from '../../extension/protocol/trace.ts';
import { FrameSchedule } from '../canvas.ts';
import { LightElement, type ExpertActions } from '../parts/lightElement.ts';

const STEPS: Readonly<Record<string, readonly [across: number, down: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  Home: [-Infinity, 0],
  End: [Infinity, 0],
};

@customElement('moe-chart')
export class ReportChart extends LightElement {
  @property({ attribute: false }) figure!: Figure;
  @property({ attribute: false }) highlight: ExpertRef | undefined;
  @property({ attribute: false }) actions!: ExpertActions;
  /** Whether experts lead to their tokens. */
  @property({ attribute: false }) leads = true;
  @state() private width = 0;
  /** Under the pointer, or where the keyboard is. */
  @state() private place: Place | undefined;
  @state() private byKey = false;

  #drawing: Drawing | undefined;
  #svg: unknown = nothing;
  readonly #frame = new FrameSchedule(() => {
    this.width = Math.floor(this.clientWidth);
  });
  readonly #resize = new ResizeObserver(() => {
    this.#frame.ask();
  });

  override connectedCallback(): void {
    super.connectedCallback();
    this.#resize.observe(this);
    this.width = Math.floor(this.clientWidth);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.left();
    this.#resize.disconnect();
    this.#frame.cancel();
  }

  protected override willUpdate(changed: PropertyValues): void {
    const { chart, id } = this.figure;
    if (!chart || this.width === 0 || !(changed.has('figure') || changed.has('width'))) return;
    this.#drawing = draw(chart, { width: this.width, id, titles: false });
    this.#svg = unsafeHTML(svgElement(this.#drawing));
  }

  protected override render(): TemplateResult | typeof nothing {
    const drawing = this.#drawing;
    if (!drawing) return nothing;
    const { title, text, chart } = this.figure;
    const mark = this.place && drawing.marks.mark(this.place);
    const pinned = this.highlight && drawing.marks.of(this.highlight);
    const pinnedMark = pinned && drawing.marks.mark(pinned);
    return html`<div
      class="plot ${chart!.kind} ${this.expert() ? 'pointing' : ''}"
      role="application"
      aria-roledescription=${l10n.t`chart`}
      tabindex="0"
      aria-label=${l10n.t`${title}. ${text} Arrow keys read the values.`}
      @pointermove=${this.pointed}
      @pointerleave=${this.left}
      @click=${this.clicked}
      @keydown=${this.pressed}
      @blur=${this.left}
    >
      ${pinnedMark ? box('pinned', pinnedMark) : nothing} ${this.#svg}
      ${mark ? html`${box('pointed', mark)} ${this.tip(mark, drawing)}` : nothing}
      <span class="screen-reader" role="status">${this.byKey && mark ? mark.text : ''}</span>
    </div>`;
  }

  /** Beside the mark on the side where there is room, never over the mark itself. */
  private tip(mark: Mark, { width }: Drawing): TemplateResult {
    const below = mark.y < 30;
    const middle = Math.min(width, Math.max(0, mark.x + Math.min(mark.width, 120) / 2));
    const style =
      `top: ${below ? mark.y + mark.height + 6 : mark.y - 6}px; ` +
      (middle < width / 2 ? `left: ${Math.max(0, middle - 20)}px` : `right: ${Math.max(0, width - middle - 20)}px`);
    return html`<span class="tip ${below ? '' : 'above'}" aria-hidden="true" .style=${style}>${mark.text}</span>`;
  }

  private readonly pointed = (event: PointerEvent): void => {
    const { left, top } = (event.currentTarget as Element).getBoundingClientRect();
    this.byKey = false;
    this.go(this.#drawing?.marks.at(event.clientX - left, event.clientY - top));
  };

  private readonly left = (): void => {
    this.go(undefined);
  };

  private readonly clicked = (): void => {
    const expert = this.expert();
    if (expert) this.actions.toggle(expert);
  };

  private readonly pressed = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    if (step) {
      this.byKey = true;
      this.step(...step);
    } else if (event.key === 'Escape') {
      this.go(undefined);
      this.actions.clear();
    } else if (event.key === 'Enter' || event.key === ' ') this.clicked();
    else return;
    event.preventDefault();
  };

  private step(across: number, down: number): void {
    const marks = this.#drawing?.marks;
    if (!marks || marks.rows === 0) return;
    if (!this.place) {
      this.go({ row: 0, column: 0 });
      return;
    }
    // Where marks stand below one another in one column, both axes go through them.
    const single = marks.columns(this.place.row) === 1;
    const row = Math.min(marks.rows - 1, Math.max(0, this.place.row + down + (single ? across : 0)));
    const column = Math.min(marks.columns(row) - 1, Math.max(0, this.place.column + (single ? 0 : across)));
    this.go({ row, column });
  }

  private go(place: Place | undefined): void {
    if (place?.row === this.place?.row && place?.column === this.place?.column) return;
    this.place = place;
    this.actions.point(this.expert());
  }

  private expert(): ExpertRef | undefined {
    return this.leads && this.place ? this.#drawing?.marks.mark(this.place)?.expert : undefined;
  }
}

function box(classes: string, { x, y, width, height }: Mark): TemplateResult {
  const style = `left: ${x}px; top: ${y}px; width: ${width}px; height: ${height}px`;
  return html`<span class="box ${classes}" aria-hidden="true" .style=${style}></span>`;
}
