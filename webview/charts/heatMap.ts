/** Load of every expert of every layer as a heat map on a canvas; a grid of which the focused cell is a real element. */
import * as l10n from '@vscode/l10n';
import { html, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { layerLabel } from '../../extension/analysis/labels.ts';
import { LOAD_RATIO_MAX } from '../../extension/analysis/tint.ts';
import type { ExpertRef, LayerShape } from '../../extension/protocol/trace.ts';
import { DensityWatch, fitCanvas, FrameSchedule } from '../canvas.ts';
import { percent, times } from '../../extension/analysis/numbers.ts';
import { LightElement, type ExpertActions } from '../parts/lightElement.ts';
import type { Colors, Theme } from '../theme.ts';
import { HeatGeometry, LABEL_WIDTH } from './heatGeometry.ts';

@customElement('moe-heat-map')
export class HeatMap extends LightElement {
  @property({ attribute: false }) label = '';
  @property({ attribute: false }) layers: readonly LayerShape[] = [];
  /** Load over the even share; one array [E] a layer. */
  @property({ attribute: false }) ratios: readonly Float64Array[] = [];
  @property({ attribute: false }) chosen = 0;
  @property({ attribute: false }) highlight: ExpertRef | undefined;
  /** Experts of the cursor's token at each layer. */
  @property({ attribute: false }) marked: readonly (readonly number[])[] = [];
  @property({ attribute: false }) theme!: Theme;
  @property({ attribute: false }) colors!: Colors;
  @property({ attribute: false }) actions!: ExpertActions;
  @property({ attribute: false }) chooseLayer!: (layer: number) => void;
  @state() private focused: ExpertRef = { layer: 0, expert: 0 };
  @state() private hasFocus = false;
  @query('canvas') private canvas!: HTMLCanvasElement;

  readonly #frame = new FrameSchedule(() => {
    this.draw();
  });
  readonly #resize = new ResizeObserver(() => {
    this.#frame.ask();
  });
  readonly #density = new DensityWatch(() => {
    this.#frame.ask();
  });
  #geometry = new HeatGeometry(1, 1, 0);

  override connectedCallback(): void {
    super.connectedCallback();
    this.#resize.observe(this);
    this.#density.start();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize.disconnect();
    this.#density.stop();
    this.#frame.cancel();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('layers')) this.focused = this.nearest(this.focused);
  }

  protected override render(): TemplateResult {
    const { layer, expert } = this.focused;
    return html`<p id="heat-keys" class="screen-reader">
        ${l10n.t`Arrow keys move, Enter highlights the expert, L chooses the layer, Escape clears the highlight.`}
      </p>
      <div
        class="heat"
        role="grid"
        tabindex="0"
        aria-label=${this.label}
        aria-describedby="heat-keys"
        aria-rowcount=${this.layers.length}
        aria-colcount=${this.#columns()}
        aria-activedescendant="heat-cell"
        @pointermove=${this.pointed}
        @pointerleave=${this.left}
        @click=${this.clicked}
        @keydown=${this.pressed}
        @focus=${this.focusChanged}
        @blur=${this.focusChanged}
      >
        <canvas role="presentation" @contextrestored=${this.restored}></canvas>
        <div class="screen-reader" role="row" aria-rowindex=${layer + 1}>
          <div id="heat-cell" role="gridcell" aria-colindex=${expert + 1}>${this.describe(this.focused)}</div>
        </div>
      </div>`;
  }

  protected override updated(): void {
    this.#frame.ask();
  }

  /** The browser's graphics process has restarted, and with it the canvas is empty. */
  private readonly restored = (): void => {
    this.#frame.ask();
  };

  #columns(): number {
    return this.layers.reduce((most, layer) => Math.max(most, layer.experts), 1);
  }

  private describe({ layer, expert }: ExpertRef): string {
    const shape = this.layers[layer];
    const ratio = this.ratios[layer]?.[expert];
    if (!shape || ratio === undefined) return '';
    return l10n.t`${layerLabel(shape)}, expert ${expert}: ${percent(ratio / shape.experts)} of load, ${times(ratio)} the even share`;
  }

  private draw(): void {
    const geometry = new HeatGeometry(Math.max(1, this.layers.length), this.#columns(), this.clientWidth);
    this.#geometry = geometry;
    const context = fitCanvas(this.canvas, this.clientWidth, geometry.height);
    context.clearRect(0, 0, this.clientWidth, geometry.height);
    this.drawCells(context);
    this.drawLabels(context);
    this.drawMarks(context);
  }

  private drawCells(context: CanvasRenderingContext2D): void {
    const { gap, rowHeight } = this.#geometry;
    for (const [layer, ratios] of this.ratios.entries()) {
      for (let from = 0, to = 0; from < ratios.length; from = to) {
        const shared = this.#geometry.sharing(from);
        [, to] = shared;
        const ratio = ratios[this.hottest(layer, shared)]!;
        if (Number.isNaN(ratio)) continue;
        const left = this.#geometry.left(from);
        const width = this.#geometry.left(to) - left - gap;
        context.fillStyle = this.colors.magnitude(ratio / LOAD_RATIO_MAX).fill;
        context.fillRect(left, this.#geometry.top(layer), width, rowHeight - gap);
      }
    }
  }

  /** The one that is seen of the experts that share a pixel. */
  private hottest(layer: number, [from, to]: readonly [number, number]): number {
    const ratios = this.ratios[layer] ?? [];
    let hottest = from;
    for (let other = from + 1; other < to; other++) if (ratios[other]! > ratios[hottest]!) hottest = other;
    return hottest;
  }

  private drawLabels(context: CanvasRenderingContext2D): void {
    const { rowHeight, gap, labelEvery } = this.#geometry;
    context.textBaseline = 'middle';
    for (const [i, layer] of this.layers.entries()) {
      const chosen = i === this.chosen;
      // Labels too near the chosen layer's give way to it.
      const crowded = Math.abs(i - this.chosen) < labelEvery;
      if (!chosen && (i % labelEvery !== 0 || crowded)) continue;
      context.font = `${chosen ? 600 : 400} 11px ${this.theme.fontFamily}`;
      context.fillStyle = chosen ? this.theme.accent : this.theme.dim;
      context.fillText(layerLabel(layer), 0, this.#geometry.top(i) + (rowHeight - gap) / 2 + 0.5);
    }
  }

  private drawMarks(context: CanvasRenderingContext2D): void {
    const { foreground, background, accent } = this.theme;
    const dense = this.#geometry.gap < 2;
    for (const [layer, experts] of this.marked.entries()) {
      for (const expert of experts) {
        // Outlines of hundreds of tiny cells would hide the map: a dot each.
        if (dense) this.dot(context, { layer, expert }, foreground);
        else this.outline(context, { layer, expert }, foreground, 1);
      }
    }
    const strong = [this.highlight, this.hasFocus ? this.focused : undefined];
    for (const cell of strong) {
      if (!cell) continue;
      if (dense) this.outline(context, cell, background, 5);
      this.outline(context, cell, dense ? foreground : accent, 2);
    }
  }

  private dot(context: CanvasRenderingContext2D, { layer, expert }: ExpertRef, color: string): void {
    const { rowHeight, columnWidth } = this.#geometry;
    context.fillStyle = color;
    const x = this.#geometry.left(expert) + columnWidth / 2;
    const y = this.#geometry.top(layer) + rowHeight / 2;
    context.fillRect(Math.round(x) - 1, Math.round(y) - 1, 2, 2);
  }

  private outline(context: CanvasRenderingContext2D, { layer, expert }: ExpertRef, color: string, line: number): void {
    const { rowHeight, gap } = this.#geometry;
    const left = this.#geometry.left(expert);
    const width = this.#geometry.left(expert + 1) - left - gap;
    const height = rowHeight - gap;
    // Cells of a dense map are too small for an outline to be seen: it grows around them.
    const growX = Math.max(0, 7 - width) / 2;
    const growY = Math.max(0, 7 - height) / 2;
    context.strokeStyle = color;
    context.lineWidth = line;
    const top = this.#geometry.top(layer);
    context.strokeRect(left - growX, top - growY, width + 2 * growX, height + 2 * growY);
  }

  private readonly pointed = (event: PointerEvent): void => {
    const at = this.#geometry.at(event.offsetX, event.offsetY);
    this.actions.point(this.expertAt(at));
  };

  private expertAt(at: { layer: number; expert: number | undefined } | undefined): ExpertRef | undefined {
    if (at?.expert === undefined) return undefined;
    const expert = this.hottest(at.layer, this.#geometry.sharing(at.expert));
    // Where the model has just become another, what is seen is still the map of the last.
    return expert < (this.layers[at.layer]?.experts ?? 0) ? { layer: at.layer, expert } : undefined;
  }

  private readonly left = (): void => {
    this.actions.point(undefined);
  };

  private readonly clicked = (event: PointerEvent): void => {
    const at = this.#geometry.at(event.offsetX, event.offsetY);
    if (at && event.offsetX < LABEL_WIDTH) this.chooseLayer(at.layer);
    const expert = this.expertAt(at);
    if (!expert) return;
    this.focused = expert;
    this.actions.toggle(expert);
  };

  private readonly focusChanged = (event: FocusEvent): void => {
    this.hasFocus = event.type === 'focus' && (event.target as Element).matches(':focus-visible');
    this.actions.point(this.hasFocus ? this.focused : undefined);
  };

  private readonly pressed = (event: KeyboardEvent): void => {
    const { layer, expert } = this.focused;
    switch (event.key) {
      case 'ArrowUp':
        this.moveFocus(layer - 1, expert);
        break;
      case 'ArrowDown':
        this.moveFocus(layer + 1, expert);
        break;
      case 'ArrowLeft':
        this.moveFocus(layer, expert - 1);
        break;
      case 'ArrowRight':
        this.moveFocus(layer, expert + 1);
        break;
      case 'Home':
        this.moveFocus(layer, 0);
        break;
      case 'End':
        this.moveFocus(layer, this.layers[layer]!.experts - 1);
        break;
      case 'Enter':
      case ' ':
        this.actions.toggle(this.focused);
        break;
      case 'l':
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        this.chooseLayer(layer);
        break;
      case 'Escape':
        this.actions.clear();
        break;
      default:
        return;
    }
    event.preventDefault();
  };

  private moveFocus(layer: number, expert: number): void {
    this.focused = this.nearest({ layer, expert });
    this.hasFocus = true;
    this.actions.point(this.focused);
  }

  /** The cell nearest to one that may lie outside. */
  private nearest({ layer, expert }: ExpertRef): ExpertRef {
    const row = Math.max(0, Math.min(this.layers.length - 1, layer));
    const last = (this.layers[row]?.experts ?? 1) - 1;
    return { layer: row, expert: Math.max(0, Math.min(last, expert)) };
  }
}
