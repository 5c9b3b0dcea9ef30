import * as l10n from '@vscode/l10n';
import { html, type TemplateResult } from 'lit';
import { byteSize, parameterCount, PART_NAMES, precisionLabel } from '../../extension/analysis/sizes.ts';
import { MODEL_PARTS, type Inspection } from '../../extension/protocol/model.ts';

/** Parameters by part, and their bytes at each precision. */
export function memoryTable({ precisions, parameters, best }: Inspection): TemplateResult {
  const row = (name: string, cells: readonly string[], kind = ''): TemplateResult =>
    html`<tr class=${kind}>
      <th scope="row">${name}</th>
      ${cells.map((cell) => html`<td class="number">${cell}</td>`)}
    </tr>`;
  return html`<details>
    <summary>
      <span class="codicon codicon-chevron-right" aria-hidden="true"></span>
      <span>${l10n.t`In numbers`}</span>
    </summary>
    <div class="scroll" tabindex="0" role="group" aria-label=${l10n.t`Memory by part and precision`}>
      <table>
        <thead>
          <tr>
            <td></td>
            <th scope="col" class="number">${l10n.t`parameters`}</th>
            ${precisions.map(
              (of) =>
                html`<th scope="col" class="number">${precisionLabel(of)}${of.precision === best ? ' ✓' : ''}</th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${MODEL_PARTS.filter((part) => parameters.parts[part] > 0).map((part) =>
            row(PART_NAMES[part], [
              parameterCount(parameters.parts[part]),
              ...precisions.map(({ parts }) => byteSize(parts[part])),
            ]),
          )}
          ${row(l10n.t`all`, [parameterCount(parameters.total), ...precisions.map(({ total }) => byteSize(total))], 'sum')}
          ${row(l10n.t`one token uses`, [
            parameterCount(parameters.active),
            ...precisions.map(({ active }) => byteSize(active)),
          ])}
          ${row(l10n.t`memory to run`, ['', ...precisions.map(({ needed }) => byteSize(needed))])}
        </tbody>
      </table>
    </div>
  </details>`;
}
