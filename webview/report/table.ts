/** A figure's data as a table: sorted by any column, the first rows at first. Rows of experts and places lead there. */
import * as l10n from '@vscode/l10n';
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { count, written } from '../../extension/analysis/numbers.ts';
import type { Cell, Place, Table } from '../../extension/protocol/report.ts';
import type { ExpertRef } from '../../extension/protocol/trace.ts';
import { sameExpert } from '../highlight.ts';
import { LightElement, type ExpertActions } from '../parts/lightElement.ts';

/** Rows shown at first. */
const FIRST = 200;
/** More cells than this are not put into the page at once, however many rows are asked for. */
const MAX_CELLS = 60_000;

@customElement('moe-table')
export class ReportTable extends LightElement {
  @property({ attribute: false }) label = '';
  @property({ attribute: false }) table!: Table;
  @property({ attribute: false }) actions!: ExpertActions;
  /** Whether experts lead to their tokens. */
  @property({ attribute: false }) leads = true;
  @property({ attribute: false }) goTo!: (place: Place) => void;
  @state() private column: number | undefined;
  @state() private descending = true;
  @state() private shown = FIRST;

  #order: readonly number[] = [];
  /** The row that is pointed at, as rows are shown. */
  #pointed: { readonly at: number; readonly expert: ExpertRef } | undefined;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.point(undefined);
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('table') || changed.has('column') || changed.has('descending')) {
      if (this.column !== undefined && this.column >= this.table.columns.length) this.column = undefined;
      this.#order = orderOf(this.table, this.column, this.descending);
    }
    // A row that goes, or becomes another's, tells of no pointer that leaves it.
    if (this.#pointed && !sameExpert(this.expertAt(this.#pointed.at), this.#pointed.expert)) this.point(undefined);
  }

  protected override render(): TemplateResult {
    const { columns, rows } = this.table;
    if (rows.length === 0) return html`<p class="dim">${l10n.t`Nothing to show.`}</p>`;
    const most = Math.max(FIRST, Math.floor(MAX_CELLS / Math.max(1, columns.length)));
    const shown = this.#order.slice(0, Math.min(this.shown, most));
    const rest = rows.length - shown.length;
    return html`<div class="scroll" tabindex="0" role="group" aria-label=${l10n.t`${this.label}, table`}>
        <table>
          <thead>
            <tr>
              ${columns.map((_, c) => this.heading(c))}
            </tr>
          </thead>
          <tbody>
            ${shown.map(
              (r, at) =>
                html`<tr>
                  ${rows[r]!.map((cell, c) => this.cell(at, c, cell))}
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
      ${
        rest > 0
          ? html`<p class="more">
              ${
                shown.length < most
                  ? html`<vscode-button
                      appearance="secondary"
                      @click=${() => {
                        this.showAll();
                      }}
                      >${l10n.t`Show All`}</vscode-button
                    >`
                  : nothing
              }
              <span class="dim"
                >${
                  shown.length < most
                    ? l10n.t`${count(rest)} rows not shown`
                    : l10n.t`${count(rest)} rows not shown; files hold them all`
                }</span
              >
            </p>`
          : nothing
      }`;
  }

  private heading(c: number): TemplateResult {
    const { label, unit } = this.table.columns[c]!;
    const sorted = this.column === c;
    const icon = this.descending ? 'codicon-arrow-small-down' : 'codicon-arrow-small-up';
    return html`<th
      scope="col"
      class=${unit === 'text' ? '' : 'number'}
      aria-sort=${sorted ? (this.descending ? 'descending' : 'ascending') : nothing}
    >
      <button
        @click=${() => {
          this.sortBy(c);
        }}
      >
        ${label}${sorted ? html`<span class="codicon ${icon}" aria-hidden="true"></span>` : nothing}
      </button>
    </th>`;
  }

  /** The expert that a row leads to, as rows are shown. */
  private expertAt(at: number): ExpertRef | undefined {
    const r = this.#order[at];
    return this.leads && r !== undefined ? (this.table.experts?.[r] ?? undefined) : undefined;
  }

  private point(at: number | undefined): void {
    const expert = at === undefined ? undefined : this.expertAt(at);
    if (!expert && !this.#pointed) return;
    this.#pointed = at === undefined || !expert ? undefined : { at, expert };
    this.actions.point(expert);
  }

  private showAll(): void {
    this.shown = Infinity;
    // The button goes, and the focus would with it.
    void this.updateComplete.then(() => this.querySelector<HTMLElement>('.scroll')?.focus());
  }

  /** Numbers from the largest down first, then up, then as they came; text the other way round. */
  private sortBy(c: number): void {
    const first = this.table.columns[c]!.unit !== 'text';
    if (this.column !== c) {
      this.column = c;
      this.descending = first;
    } else if (this.descending === first) this.descending = !first;
    else this.column = undefined;
  }

  private cell(at: number, c: number, cell: Cell): TemplateResult {
    const { columns, places } = this.table;
    const unit = columns[c]?.unit ?? 'text';
    const text = written(cell, unit);
    const expert = this.expertAt(at);
    const place = places?.[this.#order[at]!];
    if (c > 0 || !(expert ?? place)) {
      const classes = unit === 'text' ? 'text' : 'number';
      return c === 0 ? html`<th scope="row" class=${classes}>${text}</th>` : html`<td class=${classes}>${text}</td>`;
    }
    const leave = (): void => {
      this.point(undefined);
    };
    const enter = (): void => {
      this.point(at);
    };
    return html`<th scope="row" class=${unit === 'text' ? 'text' : 'number'}>
      <button
        class="link"
        title=${place ? l10n.t`Go to the place` : l10n.t`Highlight its tokens in the editor`}
        @pointerenter=${enter}
        @pointerleave=${leave}
        @focus=${enter}
        @blur=${leave}
        @click=${() => {
          if (place) this.goTo(place);
          else if (expert) this.actions.toggle(expert);
        }}
      >
        ${text}
      </button>
    </th>`;
  }
}

/** Indices of rows as they are shown; what is unknown stands last either way. */
function orderOf({ rows }: Table, column: number | undefined, descending: boolean): number[] {
  const order = Array.from(rows.keys());
  if (column === undefined) return order;
  const sign = descending ? -1 : 1;
  return order.sort((a, b) => {
    const [x, y] = [rows[a]![column] ?? null, rows[b]![column] ?? null];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    if (typeof x === 'number' && typeof y === 'number') return sign * (x - y);
    return sign * String(x).localeCompare(String(y), 'en', { numeric: true });
  });
}
