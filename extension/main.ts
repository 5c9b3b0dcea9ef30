import './host/language.ts';
import { Uri, window, type ExtensionContext } from 'vscode';
import { AnalystClient } from './client/analystClient.ts';
import { EngineClient } from './client/engineClient.ts';
import { InspectorClient } from './client/inspectorClient.ts';
import type { PeerOptions } from './client/peerProcess.ts';
import { Analyzer } from './host/analyzer.ts';
import { Commands } from './host/commands.ts';
import { ComparisonDocument } from './host/comparisonDocument.ts';
import { Continuer } from './host/continuer.ts';
import { ContextKeys } from './host/contextKeys.ts';
import { EditorLink } from './host/editorLink.ts';
import { restoreTabs } from './host/editorTab.ts';
import { EditWatch } from './host/editWatch.ts';
import { Feed } from './host/feed.ts';
import { FirstUse } from './host/firstUse.ts';
import { Handover } from './host/handover.ts';
import { registerHover } from './host/hover.ts';
import { Lens } from './host/lens.ts';
import { Limits } from './host/limits.ts';
import { LoadView } from './host/loadView.ts';
import { Live } from './host/live.ts';
import { Onlooker } from './host/onlooker.ts';
import { LiveItem } from './host/liveItem.ts';
import { LiveSwitch } from './host/liveSwitch.ts';
import { Log } from './host/log.ts';
import { MapPanel } from './host/mapPanel.ts';
import { Models } from './host/models.ts';
import { Problems } from './host/problems.ts';
import { RouterConsent } from './host/routerConsent.ts';
import { Servers } from './host/servers.ts';
import { Sessions } from './host/sessions.ts';
import { Settings } from './host/settings.ts';
import { StatusBar } from './host/statusBar.ts';
import { Subjects } from './host/subjects.ts';
import { Tinter } from './host/tinter.ts';
import { ViewActions } from './host/viewActions.ts';

/** Builds the parts and registers them; the engine starts with the first run. */
export function activate(context: ExtensionContext): void {
  const { extensionUri, globalState, secrets, workspaceState, subscriptions } = context;
  const media = Uri.joinPath(extensionUri, 'media');
  const own = <T extends { dispose(): unknown }>(part: T): T => {
    subscriptions.push(part);
    return part;
  };

  const settings = own(new Settings());
  const channel = own(window.createOutputChannel('MoEScope', { log: true }));
  const log = new Log(channel, () => settings.logLevel);
  const problems = new Problems(log);
  const dist = (name: string): string => Uri.joinPath(extensionUri, 'dist', name).fsPath;
  const bundle = (name: string): PeerOptions => ({
    entry: dist(name),
    log: (line) => {
      log.write(line);
    },
  });
  const inspector = own(new InspectorClient(bundle('inspector.js')));
  const servers = own(new Servers(workspaceState, globalState));
  const connections = own(
    new FirstUse(async () => {
      const { ServerConnections } = await import('./host/serverConnections.ts');
      return new ServerConnections({
        ...{ servers, secrets, decoder: dist('decoder.js') },
        local: {
          shape: (folder, signal) => inspector.shape(folder, signal),
          tokenize: ({ folder, vocabulary }, text, signal) =>
            client.tokenize({ folder, vocabulary: vocabulary || Infinity, text }, signal),
        },
      });
    }),
  );
  const client: EngineClient = own(
    new EngineClient({
      ...{ ...bundle('engine.js'), yields: true },
      elsewhere: async (...request) => (await connections.get()).analyze(...request),
    }),
  );

  const places = {
    bundled: Uri.joinPath(media, 'demo-models').fsPath,
    cache: Uri.joinPath(context.globalStorageUri, 'models').fsPath,
  };
  const consent = new RouterConsent(globalState, inspector);
  const models = own(new Models(places, settings, workspaceState, globalState, consent, servers));
  const lens = own(new Lens(settings, workspaceState));
  const sessions = own(new Sessions());
  const liveSwitch = own(new LiveSwitch(settings, workspaceState));
  const analyzer = new Analyzer(client, sessions, models, liveSwitch, problems, log);

  const subjects = own(new Subjects(sessions));
  const analystEntry = dist('analyst.js');
  const analyst = own(new AnalystClient(analystEntry));
  own(
    subjects.onDidRemove((id) => {
      analyst.forget(id);
    }),
  );
  const limits = own(new Limits(analyst, lens, sessions, subjects, log));

  own(new EditWatch(sessions));
  own(new Handover(analyzer, sessions));
  own(new Tinter(sessions, lens, limits, liveSwitch));
  own(registerHover(sessions, lens, limits));
  own(new StatusBar(sessions, lens, models));
  own(new LiveItem(liveSwitch, sessions));
  own(new ContextKeys(sessions));

  const link = own(new EditorLink(sessions));
  const feed = own(new Feed(sessions, lens));
  const actions = new ViewActions(sessions, lens);
  const continuer = own(new Continuer(client, models, problems, settings));
  const load = own(new LoadView(extensionUri, sessions, feed, actions, continuer, log));
  const map = own(new MapPanel(extensionUri, { actions, feed, limits, link, log, sessions }));
  own(window.registerWebviewViewProvider(LoadView.id, load));

  const comparison = own(new ComparisonDocument());
  const onDemand = own(
    new FirstUse(async () => {
      const { OnDemand } = await import('./host/onDemand.ts');
      return new OnDemand({
        ...{ actions, analyst, analystEntry, analyzer, client, comparison, connections, feed, inspector, lens },
        ...{ link, log, media, models, problems, servers, sessions, settings, subjects },
        extension: extensionUri,
        inspectorOptions: bundle('inspector.js'),
        journals: Uri.joinPath(context.globalStorageUri, 'folders').fsPath,
      });
    }),
  );
  own(restoreTabs('map', () => map));
  own(restoreTabs('report', async () => (await onDemand.get()).report));
  own(restoreTabs('model', async () => (await onDemand.get()).page));
  own(
    new Commands({
      ...{ analyzer, cache: places.cache, client, continuer, lens, link, live: liveSwitch, log, map, onDemand },
      ...{ problems, sessions, subjects },
    }),
  );
  own(new Live(analyzer, liveSwitch, sessions));
  own(new Onlooker(analyzer, liveSwitch, sessions));
}
