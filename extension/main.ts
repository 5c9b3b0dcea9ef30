import './host/language.ts';
import { commands, Uri, window, type ExtensionContext } from 'vscode';
import { CAPACITY, limitOf } from './analysis/sections/limitControls.ts';
import { COST, MEASURE } from './analysis/sections/cost.ts';
import { AnalystClient } from './client/analystClient.ts';
import { EngineClient } from './client/engineClient.ts';
import { InspectorClient } from './client/inspectorClient.ts';
import type { PeerOptions } from './client/peerProcess.ts';
import { Analyzer } from './host/analyzer.ts';
import { Commands } from './host/commands.ts';
import { Comparer } from './host/comparer.ts';
import { Continuer } from './host/continuer.ts';
import { Comparisons } from './host/comparisons.ts';
import { ContextKeys } from './host/contextKeys.ts';
import { EditorLink } from './host/editorLink.ts';
import { EditWatch } from './host/editWatch.ts';
import { Feed } from './host/feed.ts';
import { FolderAnalyzer } from './host/folderAnalyzer.ts';
import { Handover } from './host/handover.ts';
import { registerHover } from './host/hover.ts';
import { Intervener } from './host/intervener.ts';
import { Lens } from './host/lens.ts';
import { Limits } from './host/limits.ts';
import { LoadView } from './host/loadView.ts';
import { Live } from './host/live.ts';
import { Onlooker } from './host/onlooker.ts';
import { LiveItem } from './host/liveItem.ts';
import { LiveSwitch } from './host/liveSwitch.ts';
import { Log } from './host/log.ts';
import { MapPanel } from './host/mapPanel.ts';
import { ModelPage } from './host/modelPage.ts';
import { ModelPicker } from './host/modelPicker.ts';
import { Models } from './host/models.ts';
import { Problems } from './host/problems.ts';
import { LoadRecorder } from './host/loadRecorder.ts';
import { Recordings } from './host/recordings.ts';
import { profileText } from './host/profiler.ts';
import { ReportActions } from './host/reportActions.ts';
import { ReportExporter } from './host/reportExporter.ts';
import { ReportPage } from './host/reportPage.ts';
import { RouterConsent } from './host/routerConsent.ts';
import { addSectionFiles } from './host/sectionFiles.ts';
import { ServerPicker } from './host/serverPicker.ts';
import { Servers } from './host/servers.ts';
import { Sessions } from './host/sessions.ts';
import { Settings } from './host/settings.ts';
import { StatusBar } from './host/statusBar.ts';
import { Subjects } from './host/subjects.ts';
import { Decoder } from './server/decoder.ts';
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
  const bundle = (name: string): PeerOptions => ({
    entry: Uri.joinPath(extensionUri, 'dist', name).fsPath,
    log: (line) => {
      log.write(line);
    },
  });
  const inspector = own(new InspectorClient(bundle('inspector.js')));
  const servers = own(
    new Servers({
      ...{ workspaceState, globalState, secrets },
      decoder: new Decoder(Uri.joinPath(extensionUri, 'dist', 'decoder.js').fsPath),
      local: {
        shape: (folder, signal) => inspector.shape(folder, signal),
        tokenize: ({ folder, vocabulary }, text, signal) =>
          client.tokenize({ folder, vocabulary: vocabulary || Infinity, text }, signal),
      },
    }),
  );
  const client: EngineClient = own(
    new EngineClient({ ...bundle('engine.js'), yields: true, elsewhere: servers.analyze }),
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
  const analyst = own(new AnalystClient(Uri.joinPath(extensionUri, 'dist', 'analyst.js').fsPath));
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

  const reportActions = new ReportActions();
  addSectionFiles(reportActions, analyst);
  const exporter = new ReportExporter(analyst, lens, subjects);
  const report = own(
    new ReportPage(extensionUri, { actions, analyst, exporter, feed, link, log, problems, reportActions, subjects }),
  );
  // The report's capacity limit is the one that the tint shows.
  own(
    report.onDidSet(({ section, set }) => {
      if (section === CAPACITY) void lens.chooseLimit(limitOf(set));
    }),
  );
  reportActions.add(CAPACITY, 'tint', () => lens.chooseTint('dropped'));

  const folders = own(
    new FolderAnalyzer({
      ...{ client, log, models, problems, report, settings, subjects },
      journals: Uri.joinPath(context.globalStorageUri, 'folders').fsPath,
    }),
  );
  own(new Intervener(client, models, sessions, subjects, reportActions));

  const page = own(new ModelPage(extensionUri, models, inspector, sessions, log));
  const picker = new ModelPicker(models, client, inspector, page, problems, log);
  const comparer = own(new Comparer(client, inspector, models, sessions, subjects));
  const comparisons = new Comparisons({ client, models, report, sessions, subjects });
  reportActions.add(COST, MEASURE, (context) => profileText({ client, models, subjects }, context));
  reportActions.add('compare', 'with', () => comparisons.ask());
  reportActions.add('compare', 'bundled', () => commands.executeCommand('moescope.compareBundled'));
  const recordings = new Recordings(bundle('inspector.js'), { analyzer, report, subjects });
  own(
    new Commands({
      analyzer,
      cache: places.cache,
      client,
      comparer,
      continuer,
      folders,
      comparisons,
      lens,
      link,
      live: liveSwitch,
      log,
      map,
      models: picker,
      page,
      problems,
      recorder: new LoadRecorder(servers, recordings, problems),
      recordings,
      report,
      media,
      servers: new ServerPicker(servers, problems),
      sessions,
      subjects,
    }),
  );
  own(new Live(analyzer, liveSwitch, sessions));
  own(new Onlooker(analyzer, liveSwitch, sessions));
}
