/** Load of one layer by expert: rows while they fit, columns in strips when there are many experts. A list box. */
import * as l10n from '@vscode/l10n';
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { classMap } from 'lit/directives/class-map.js';
import type { LoadFigures } from '../../extension/analysis/load.ts';
import { percent, times } from '../../extension/analysis/numbers.ts';
import { LightElement, type ExpertActions } from '../parts/lightElement.ts';
import type { Colors } from '../theme.ts';

/** More rows than this are too tall to take in at a glance. */
const MAX_ROWS = 32;
/** Columns of one strip, so that each stays wide enough to point at. */
const MAX_COLUMNS = 64;
/** Height of all strips together, where they are few. */
const STRIPS_HEIGHT = 96;
const MIN_STRIP = 44;

@customElement('moe-load-bars')
export class LoadBars extends LightElement {
  @property({ attribute: false }) label = '';
  /** Position among the MoE layers. */
  @property({ attribute: false }) layer = 0;
  @property({ attribute: false }) figures!: LoadFigures;
  @property({ attribute: false }) highlighted: number | undefined;
  /** Experts of the cursor's token. */
  @property({ attribute: false }) marked: readonly number[] = [];
  @property({ attribute: false }) colors!: Colors;
  @property({ attribute: false }) actions!: ExpertActions;
  /** Expert that has the keyboard focus when the list has it. */
  @state() private focused = 0;

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('figures')) this.focused = Math.min(this.focused, this.figures.shares.length - 1);
  }

  protected override render(): TemplateResult {
    const { shares, hottest } = this.figures;
    const peak = Math.max(shares[hottest]!, 1 / shares.length) || 1;
    const strips = Math.ceil(shares.length / MAX_COLUMNS);
    const columns = Math.ceil(shares.length / strips);
    const strip = Math.max(MIN_STRIP, STRIPS_HEIGHT / strips);
    const layout = {
      bars: true,
      columns: shares.length > MAX_ROWS,
      dimmed: this.highlighted !== undefined,
    };
    return html`<ul
      class=${classMap(layout)}
      role="listbox"
      aria-label=${this.label}
      aria-orientation=${layout.columns ? 'horizontal' : 'vertical'}
      .style=${`--even: ${1 / shares.length / peak}; --columns: ${columns}; --strip: ${strip}px`}
      @pointerover=${this.pointed}
      @pointerleave=${this.left}
      @click=${this.clicked}
      @keydown=${this.pressed}
      @focusin=${this.pointed}
      @focusout=${this.left}
    >
      ${Array.from(shares, (share, expert) => this.bar(expert, share, peak, expert % columns === 0))}
    </ul>`;
  }

  private bar(expert: number, share: number, peak: number, first: boolean): TemplateResult {
    const marked = this.marked.includes(expert);
    const highlighted = expert === this.highlighted;
    const name = l10n.t`E${expert}, ${percent(share)} of load, ${times(share * this.figures.shares.length)} the even share`;
    return html`<li
      class=${classMap({ marked, highlighted, first })}
      role="option"
      data-expert=${expert}
      aria-label=${marked ? l10n.t`${name}, chosen for the cursor’s token` : name}
      aria-selected=${highlighted}
      tabindex=${expert === this.focused ? 0 : -1}
      .style=${`--share: ${share / peak || 0}; --color: ${this.colors.expert(expert).fill}`}
    >
      <span class="name">${marked ? html`<span class="mark">◆</span>` : nothing}E${expert}</span>
      <span class="track"><span class="fill"></span></span>
      <span class="number">${percent(share)}</span>
    </li>`;
  }

  private readonly pointed = (event: Event): void => {
    const expert = expertOf(event);
    if (expert === undefined) return;
    if (event.type === 'focusin') this.focused = expert;
    this.actions.point({ layer: this.layer, expert });
  };

  private readonly left = (): void => {
    this.actions.point(undefined);
  };

  private readonly clicked = (event: Event): void => {
    const expert = expertOf(event);
    if (expert === undefined) return;
    this.focused = expert;
    this.actions.toggle({ layer: this.layer, expert });
  };

  private readonly pressed = (event: KeyboardEvent): void => {
    const last = this.figures.shares.length - 1;
    switch (event.key) {
      case 'ArrowDown':
      case 'ArrowRight':
        this.focusBar(Math.min(last, this.focused + 1));
        break;
      case 'ArrowUp':
      case 'ArrowLeft':
        this.focusBar(Math.max(0, this.focused - 1));
        break;
      case 'Home':
        this.focusBar(0);
        break;
      case 'End':
        this.focusBar(last);
        break;
      case 'Enter':
      case ' ':
        this.actions.toggle({ layer: this.layer, expert: this.focused });
        break;
      case 'Escape':
        this.actions.clear();
        break;
      default:
        return;
    }
    event.preventDefault();
  };

  private focusBar(expert: number): void {
    this.querySelector<HTMLElement>(`[data-expert="${expert}"]`)?.focus();
  }
}

function expertOf(event: Event): number | undefined {
  const bar = (event.target as Element).closest<HTMLElement>('[data-expert]');
  return bar ? Number(bar.dataset['expert']) : undefined;
}
