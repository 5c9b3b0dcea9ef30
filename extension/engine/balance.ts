import * as l10n from '@vscode/l10n';
import { BiasFit } from '../analysis/biasFit.ts';
import { throwIfAborted, UserError } from '../protocol/errors.ts';
import type { FittedBias } from '../protocol/intervention.ts';
import { Run, type MeasurableModel, type MeasureOptions } from './measure.ts';

/**
 * Finds biases that even out the load of a text, layer after layer: each on what the layers before it, with their biases, make of the
 * text. Only the router runs again from try to try.
 *
 * @param target the MaxVio that is even enough
 * @throws UserError `intervention-invalid`, `out-of-memory`, and `cancelled` between passes once the signal is aborted
 */
export async function fitBiases(
  model: MeasurableModel,
  ids: Int32Array,
  windows: Uint32Array,
  target: number,
  { signal, progress }: Pick<MeasureOptions, 'signal' | 'progress'>,
): Promise<FittedBias[]> {
  if (!(target >= 0))
    throw new UserError('intervention-invalid', l10n.t`The target of MaxVio is ${target}; it has to be 0 or more.`);
  const options = { routing: false, logProb: false, signal, progress: () => undefined };
  const run = new Run(model, ids, windows, options);
  const layers = model.info.moeLayers;
  const fitted: FittedBias[] = [];
  let state = run.begin();
  for (let step = 0; fitted.length < layers.length; step++) {
    const layer = fitted.length;
    if (run.routerStep(layer) !== step) {
      state = await run.step(step, state, {});
      continue;
    }
    progress(layer, layers.length);
    const fit = new BiasFit(layers[layer]!.experts, target);
    for (;;) {
      throwIfAborted(signal);
      const tried = await run.step(step, state, { bias: [{ layer, values: fit.bias }] });
      if (!fit.update(run.counts(tried, layer))) break;
    }
    const { bias, after, updates } = fit.result;
    fitted.push({ layer, values: bias, after, updates });
    state = await run.step(step, state, { bias: [{ layer, values: bias }] });
  }
  return fitted;
}
