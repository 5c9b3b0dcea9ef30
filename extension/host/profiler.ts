import * as l10n from '@vscode/l10n';
import { profileChoice } from '../analysis/sections/cost.ts';
import { cannotRun } from '../analysis/sections/measuring.ts';
import type { EngineClient } from '../client/engineClient.ts';
import { isUserError, UserError } from '../protocol/errors.ts';
import type { Models } from './models.ts';
import { withNotice } from './progressNotice.ts';
import type { ActionContext } from './reportActions.ts';
import type { Sessions } from './sessions.ts';
import { sameRun, type Subjects } from './subjects.ts';
import { whileRouted } from './whileRouted.ts';

export interface ProfilerParts {
  readonly client: EngineClient;
  readonly models: Models;
  readonly sessions: Sessions;
  readonly subjects: Subjects;
}

/** Measures what a text's model costs, and adds that to what is known of the text. Throws UserError. */
export async function profileText(
  { client, models, sessions, subjects }: ProfilerParts,
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
    const what = { text: routed.text, ...profileChoice(set) };
    const isStill = (): boolean => session.routed !== undefined && sameRun(model, session.routed.trace.origin.model);
    const profile = await whileRouted(sessions, isStill, abort, () =>
      withNotice(model.name, l10n.t`Measuring`, abort, (show) =>
        client.profile(request, what, { progress: show }, abort.signal),
      ),
    );
    if (isStill()) subjects.addEvidence(subject.id, { profile });
  } catch (error) {
    if (!isUserError(error, 'cancelled')) throw error;
  }
}
