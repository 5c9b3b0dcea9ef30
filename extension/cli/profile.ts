/** `moescope profile`: where the time of a model's forward pass goes. */
import { parseArgs } from 'node:util';
import { COST, costSection, profileFigures } from '../analysis/sections/cost.ts';
import type { ModelProfile } from '../protocol/profile.ts';
import { writtenNow } from '../protocol/writtenNow.ts';
import { MODEL_OPTIONS, modelOptions } from './modelOptions.ts';
import { writeOut } from './output.ts';
import { inEngine, readOneText, type RouteOptions } from './route.ts';
import { sectionText } from './sectionText.ts';
import { UsageError } from './usage.ts';
import { understood, wholeNumber } from './values.ts';

export interface ProfileOptions extends RouteOptions {
  readonly files: readonly string[];
  readonly json: string | undefined;
  readonly batches: readonly number[];
}

const BATCHES = '1,16,128';

export function parseProfile(args: string[]): ProfileOptions {
  const { values, positionals } = understood(() =>
    parseArgs({
      args,
      allowPositionals: true,
      options: {
        ...MODEL_OPTIONS,
        json: { type: 'string' },
        batch: { type: 'string' },
        generate: { type: 'string' },
      },
    }),
  );
  return {
    files: positionals,
    json: values.json,
    batches: (values.batch ?? BATCHES).split(',').map((text) => wholeNumber('batch', text, 1)!),
    generate: wholeNumber('generate', values.generate, 0) ?? 32,
    ...modelOptions(values),
  };
}

/** Measures a model with a text. Returns the exit code; throws UserError and UsageError. */
export async function profile(options: ProfileOptions): Promise<number> {
  const { batches, generate, json } = options;
  if (batches.length > 8) throw new UsageError('--batch takes eight sizes at most.');
  const text = await readOneText(options.files);
  const measured = await inEngine(options, ({ client, model, signal, progress }) =>
    client.profile(model, { text, batches, generate }, { progress }, signal),
  );
  if (json !== undefined) await writeOut(json, [profileJson(measured)]);
  if (json !== '-') {
    const section = { id: COST, title: costSection.title, controls: [], ...profileFigures(measured) };
    process.stdout.write(sectionText(section));
  }
  return 0;
}

/** `moescope-profile` version 1. */
function profileJson({ model, batches, steps, notes }: ModelProfile): string {
  const { name, architecture, precision, provider } = model;
  const columns = steps && {
    milliseconds: [...steps.milliseconds],
    experts: [...steps.experts],
    fresh: [...steps.fresh],
  };
  const made = {
    ...{
      format: 'moescope-profile',
      version: 1,
      ...writtenNow(__dirname),
      model: { name, architecture },
      precision,
      provider,
    },
    ...{ batches, ...(columns ? { steps: columns } : {}), notes },
  };
  return `${JSON.stringify(made, null, 1)}\n`;
}
