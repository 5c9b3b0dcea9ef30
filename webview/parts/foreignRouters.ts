/** What an ONNX graph tells of its routers: how each kind that was found decides, and where in the graph. */
import * as l10n from '@vscode/l10n';
import { html, type TemplateResult } from 'lit';
import { candidateShape } from '../../extension/analysis/routerText.ts';
import type { RouterCandidate, RouterFinding } from '../../extension/protocol/routers.ts';

const RULES: Readonly<Record<RouterCandidate['rule'], string>> = {
  fused: l10n.t`inside a fused operator`,
  topk: l10n.t`by TopK`,
  mixer: l10n.t`by one maximum after the other`,
  argmax: l10n.t`by a single maximum`,
};

export function foreignRouters({ candidates, file }: RouterFinding): TemplateResult {
  const [, ...others] = candidates;
  return html`
    <p class="failure">
      ${
        others.length === 0
          ? l10n.t`Its routers were found by the structure of its graph. It runs as it was exported, on the CPU.`
          : l10n.t`Its graph has ${candidates.length} things that may be its routers; which of them, is asked when it is opened. It runs as it was exported, on the CPU.`
      }
    </p>
    <p class="dim">${file}</p>
    ${candidates.map(
      (candidate) =>
        html`<section aria-label=${candidate.id}>
          <h2>${candidateShape(candidate)}</h2>
          <dl class="facts">
            ${fact(l10n.t`Named`, candidate.id)} ${fact(l10n.t`Scores`, candidate.scoring)}
            ${fact(l10n.t`Chosen`, RULES[candidate.rule])} ${fact(l10n.t`Operators`, candidate.pattern)}
          </dl>
          ${places(candidate)}
        </section>`,
    )}
  `;
}

function fact(term: string, value: string): TemplateResult {
  return html`<div>
    <dt>${term}</dt>
    <dd>${value}</dd>
  </div>`;
}

function places({ layers, id }: RouterCandidate): TemplateResult {
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${l10n.t`Layers of ${id}`}>
    <table>
      <thead>
        <tr>
          <th scope="col" class="number">${l10n.t`Layer`}</th>
          <th scope="col" class="number">${l10n.t`Experts`}</th>
          <th scope="col" class="number">${l10n.t`Chosen`}</th>
          <th scope="col">${l10n.t`Node`}</th>
        </tr>
      </thead>
      <tbody>
        ${layers.map(
          ({ layer, experts, k, node }) =>
            html`<tr>
              <th scope="row" class="number">${layer}</th>
              <td class="number">${experts}</td>
              <td class="number">${k}</td>
              <td>${node}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
