import * as l10n from '@vscode/l10n';
import { profileChoice } from '../analysis/sections/cost.ts';
import { cannotRun } from '../analysis/sections/measuring.ts';
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
  const cannot = cannotRun(subject.make());
  if (cannot !== undefined) throw new UserError('intervention-invalid', cannot);
  const routed = session?.routed;
  if (!routed) return;
  const { model } = routed.trace.origin;
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
