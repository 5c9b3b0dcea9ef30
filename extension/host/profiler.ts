import * as l10n from '@vscode/l10n';
import { profileChoice } from '../analysis/sections/cost.ts';
import { ranOnServer } from '../analysis/sections/measuring.ts';
import type { EngineClient } from '../client/engineClient.ts';
import { isUserError, UserError } from '../protocol/errors.ts';
import type { Models } from './models.ts';
import { withNotice } from './progressNotice.ts';
import type { ActionContext } from './reportActions.ts';
import type { Subjects } from './subjects.ts';

export interface ProfilerParts {
  readonly client: EngineClient;
  readonly models: Models;
  readonly subjects: Subjects;
}

/** Measures what a text's model costs, and adds that to what is known of the text. Throws UserError. */
export async function profileText(
  { client, models, subjects }: ProfilerParts,
  { subject, session, set }: ActionContext,
): Promise<void> {
  const routed = session?.routed;
  if (!routed) throw new UserError('text-empty', l10n.t`Open a text and analyze it: its model is measured with it.`);
  const { model, source } = routed.trace.origin;
  if (source === 'recorded')
    throw new UserError('trace-invalid', l10n.t`This routing was recorded: there is no model to measure.`);
  if (model.folder === '') throw new UserError('server-unfit', ranOnServer());
  const abort = new AbortController();
  const request = { ...models.request(model.folder), context: model.context };
  try {
    const profile = await withNotice(model.name, l10n.t`Measuring`, abort, (show) =>
      client.profile(request, { text: routed.text, ...profileChoice(set) }, { progress: show }, abort.signal),
    );
    // Another model may have routed the text meanwhile.
    if (session.routed === routed) subjects.addEvidence(subject.id, { profile });
  } catch (error) {
    if (!isUserError(error, 'cancelled')) throw error;
  }
}
