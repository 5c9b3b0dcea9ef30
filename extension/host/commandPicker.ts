import * as l10n from '@vscode/l10n';
import { commands, window } from 'vscode';
import type { LiveSwitch } from './liveSwitch.ts';
import { LoadView } from './loadView.ts';
import type { Sessions } from './sessions.ts';

/** Lists the commands that make sense now, and runs the one that is picked. */
export async function pickCommand(live: LiveSwitch, { current }: Sessions): Promise<void> {
  const items = [
    ...(current?.running ? [{ label: l10n.t`$(debug-stop) Cancel`, command: 'moescope.cancel' }] : []),
    { label: l10n.t`$(play) Analyze Routing`, command: 'moescope.analyze' },
    live.on
      ? { label: l10n.t`$(debug-stop) Stop Live Routing`, command: 'moescope.stopLive' }
      : { label: l10n.t`$(pulse) Start Live Routing`, command: 'moescope.startLive' },
    { label: l10n.t`$(folder-opened) Analyze Folder…`, command: 'moescope.analyzeFolder' },
    { label: l10n.t`$(git-compare) Compare Precisions…`, command: 'moescope.compare' },
    { label: l10n.t`$(git-compare) Compare Bundled Models`, command: 'moescope.compareBundled' },
    { label: l10n.t`$(git-compare) Compare With…`, command: 'moescope.compareWith' },
    ...(current?.routed ? [{ label: l10n.t`$(beaker) What If…`, command: 'moescope.whatIf' }] : []),
    { label: l10n.t`$(edit) Continue with Routing`, command: 'moescope.continue' },
    { label: l10n.t`$(symbol-color) Choose Layer and Tint…`, command: 'moescope.chooseLens' },
    { label: l10n.t`$(circuit-board) Choose Model…`, command: 'moescope.chooseModel' },
    { label: l10n.t`$(server) Use a Server…`, command: 'moescope.useServer' },
    { label: l10n.t`$(folder-opened) Open Trace…`, command: 'moescope.openTrace' },
    { label: l10n.t`$(info) Show Model`, command: 'moescope.showModel' },
    { label: l10n.t`$(table) Open Routing Map`, command: 'moescope.openMap' },
    { label: l10n.t`$(graph-line) Open Load Report`, command: 'moescope.openReport' },
    { label: l10n.t`$(export) Export Report…`, command: 'moescope.exportReport' },
    { label: l10n.t`$(graph) Show Routing Load`, command: `${LoadView.id}.focus` },
    ...(current?.routed ? [{ label: l10n.t`$(clear-all) Clear Routing`, command: 'moescope.clear' }] : []),
    { label: l10n.t`$(book) Open Sample`, command: 'moescope.openSample' },
    { label: l10n.t`$(settings-gear) Open Settings`, command: 'moescope.openSettings' },
    { label: l10n.t`$(output) Show Log`, command: 'moescope.showLog' },
  ];
  const item = await window.showQuickPick(items, { title: 'MoEScope' });
  if (item) await commands.executeCommand(item.command);
}
