/** What the weights take in memory at each precision, by part, against what is free. The table beside it says it in numbers. */
import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import { byteSize, PART_NAMES, precisionLabel } from '../../extension/analysis/sizes.ts';
import type { Inspection, ModelPart, PrecisionBytes } from '../../extension/protocol/model.ts';

/** Order in a bar: what every token uses, then the experts, of which the part that a token leaves idle ends the bar. */
const ORDER: readonly ModelPart[] = [
  'embeddings',
  'head',
  'mixers',
  'mlps',
  'sharedExperts',
  'norms',
  'routers',
  'experts',
];
/** Too thin to be told apart: they share a colour, and a line of the legend. */
const THIN: ReadonlySet<ModelPart> = new Set(['norms', 'routers']);

export function memoryBars({ precisions, memory, parameters, best }: Inspection): TemplateResult {
  const largest = Math.max(...precisions.map(({ total }) => total));
  // Room for the line where memory ends, unless that is so far off that the bars would be slivers.
  const end = memory.free > largest && memory.free <= 2 * largest ? memory.free : largest;
  const line = memory.free <= end ? memory.free / end : undefined;
  const parts = ORDER.filter((part) => parameters.parts[part] > 0);
  return html`<div class="memory" aria-hidden="true" .style=${line === undefined ? '' : `--free: ${line}`}>
      ${precisions.map(
        (bytes) =>
          html`<div class="row ${bytes.fits ? '' : 'large'}">
            <span class="precision">${precisionLabel(bytes)}${bytes.precision === best ? ' ✓' : ''}</span>
            <span class="track"
              >${parts.map((part) => segments(bytes, part, end))}${
                line === undefined ? nothing : html`<span class="limit"></span>`
              }</span
            >
            <span class="number">${byteSize(bytes.total)}</span>
          </div>`,
      )}
    </div>
    <ul class="parts" aria-hidden="true">
      ${parts
        .filter((part) => !THIN.has(part))
        .map((part) => html`<li><span class="swatch ${part}"></span>${PART_NAMES[part]}</li>`)}
      <li><span class="swatch experts idle"></span>${l10n.t`of these, not used by a token`}</li>
      <li><span class="swatch norms"></span>${l10n.t`norms, routers`}</li>
      <li class="limit-key">
        ${line === undefined ? nothing : html`<span class="limit"></span>`}${l10n.t`${byteSize(memory.free)} free`}
      </li>
    </ul>`;
}

function segments(bytes: PrecisionBytes, part: ModelPart, end: number): TemplateResult {
  const width = (share: number): string => `width: ${(100 * share) / end}%`;
  if (part !== 'experts') return html`<span class=${part} .style=${width(bytes.parts[part])}></span>`;
  const idle = bytes.total - bytes.active;
  return html`<span class="experts" .style=${width(bytes.parts.experts - idle)}></span
    ><span class="experts idle" .style=${width(idle)}></span>`;
}
