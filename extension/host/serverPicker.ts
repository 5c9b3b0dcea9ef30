import * as l10n from '@vscode/l10n';
import { basename } from 'node:path';
import { homedir } from 'node:os';
import { QuickPickItemKind, ThemeIcon, Uri, window, type QuickInputButton, type QuickPickItem } from 'vscode';
import { count } from '../analysis/numbers.ts';
import { isUserError } from '../protocol/errors.ts';
import { urlsOf, type ServerProbe, type ServerSpec } from '../protocol/server.ts';
import { serverUrls } from '../server/address.ts';
import type { FirstUse } from './firstUse.ts';
import { unlinked } from './markdown.ts';
import type { Problems } from './problems.ts';
import { withNotice } from './progressNotice.ts';
import type { ServerConnections } from './serverConnections.ts';
import { isSame, type Servers } from './servers.ts';

const TITLE = l10n.t`Server that routes the text`;
const FORGET: QuickInputButton = { iconPath: new ThemeIcon('trash'), tooltip: l10n.t`Forget This Server and Its Key` };

interface ServerItem extends QuickPickItem {
  /** A server, a new one, or none; absent for a separator. */
  readonly choice?: ServerSpec | 'new' | 'none';
}

interface Candidate {
  readonly server: ServerSpec;
  /** Absent for the one that is kept. */
  readonly key?: string;
}

/** Asks for a server, model, key and local folder, and tries it before it counts as chosen. */
export class ServerPicker {
  readonly #servers: Servers;
  readonly #connections: FirstUse<ServerConnections>;
  readonly #problems: Problems;

  constructor(servers: Servers, connections: FirstUse<ServerConnections>, problems: Problems) {
    this.#servers = servers;
    this.#connections = connections;
    this.#problems = problems;
  }

  /** Whether what routes has changed. */
  async pick(): Promise<boolean> {
    const before = this.#servers.chosen;
    const choice = await this.#which();
    // It may have been forgotten meanwhile.
    if (choice === undefined) return before !== undefined && this.#servers.chosen === undefined;
    if (choice === 'none') {
      await this.#servers.choose(undefined);
      return true;
    }
    const candidate = choice === 'new' ? await this.#ask() : { server: choice };
    if (!candidate) return false;
    const { server, key } = candidate;
    if (!(await this.#servers.agreeToPlainHttp(server))) return false;
    try {
      const probed = await this.#probe(candidate);
      if (!probed) return false;
      const connections = await this.#connections.get();
      if (key !== undefined) for (const url of urlsOf(server)) await connections.keep(url, key);
      for (const url of await this.#servers.choose(probed.server)) await connections.forget(url);
      void window.showInformationMessage(unlinked(foundSentence(probed.probe)));
      return true;
    } catch (error) {
      this.#problems.report(`use ${server.url}`, error);
      return false;
    }
  }

  async #which(): Promise<ServerItem['choice']> {
    const items = this.#items();
    // With nothing to choose from, the question would only stand in the way.
    if (items.length === 1) return 'new';
    const list = window.createQuickPick<ServerItem>();
    list.title = TITLE;
    list.matchOnDetail = true;
    list.items = items;
    return new Promise((resolve) => {
      list.onDidAccept(() => {
        resolve(list.selectedItems[0]?.choice);
        list.hide();
      });
      list.onDidTriggerItemButton(async ({ item: { choice } }) => {
        if (typeof choice !== 'object') return;
        await this.#forget(choice);
        list.items = this.#items();
      });
      list.onDidHide(() => {
        resolve(undefined);
        list.dispose();
      });
      list.show();
    });
  }

  async #forget(server: ServerSpec): Promise<void> {
    try {
      const connections = await this.#connections.get();
      for (const url of await this.#servers.forget(server)) await connections.forget(url);
    } catch (error) {
      this.#problems.report(`forget ${server.url}`, error);
    }
  }

  #items(): ServerItem[] {
    const { chosen, recent } = this.#servers;
    const add: ServerItem = {
      choice: 'new',
      label: l10n.t`$(add) Another Server…`,
      description: l10n.t`a vLLM (0.21 and later) or SGLang, started with --enable-return-routed-experts`,
    };
    return [
      ...recent.map((server): ServerItem => {
        const current = chosen !== undefined && isSame(server, chosen);
        const description = server.folder === undefined ? '' : basename(server.folder);
        return {
          choice: server,
          label: `$(${current ? 'check' : 'blank'}) ${server.model || server.url}`,
          detail: `$(blank) ${urlsOf(server).join(', ')}`,
          description,
          buttons: [FORGET],
        };
      }),
      ...(recent.length > 0 ? [{ label: '', kind: QuickPickItemKind.Separator }] : []),
      add,
      ...(chosen
        ? [
            {
              choice: 'none' as const,
              label: l10n.t`$(device-desktop) This Machine`,
              description: l10n.t`no server: the model runs here`,
            },
          ]
        : []),
    ];
  }

  async #ask(): Promise<Candidate | undefined> {
    const address = await window.showInputBox({
      title: TITLE,
      prompt: l10n.t`Address of a running vLLM or SGLang; several of the same model, divided by commas, share the files of a folder`,
      placeHolder: 'http://localhost:8000',
      ignoreFocusOut: true,
      validateInput: (text) => {
        try {
          if (text.trim() !== '') serverUrls(text);
          return undefined;
        } catch (error) {
          return isUserError(error) ? error.message : String(error);
        }
      },
    });
    if (address === undefined || address.trim() === '') return undefined;
    const [url, ...more] = serverUrls(address);
    const connections = await this.#connections.get();
    const known = await connections.hasKey(url);
    const typed = await window.showInputBox({
      title: TITLE,
      prompt: l10n.t`API key, if the server wants one; it is kept among the secrets of VS Code`,
      ...(known ? { placeHolder: l10n.t`empty for the one that is kept` } : {}),
      password: true,
      ignoreFocusOut: true,
    });
    if (typed === undefined) return undefined;
    const key = typed.trim();
    const folder = await askFolder();
    if (folder === undefined) return undefined;
    return {
      server: { url, ...(more.length > 0 ? { more } : {}), model: '', ...(folder === '' ? {} : { folder }) },
      ...(key === '' ? {} : { key }),
    };
  }

  /** Tries a server; asks which of its models where there are several. Undefined when the user gives up. Throws UserError. */
  async #probe({ server, key }: Candidate): Promise<{ server: ServerSpec; probe: ServerProbe } | undefined> {
    const abort = new AbortController();
    const host = new URL(server.url).host;
    return withNotice(host, l10n.t`Asking ${host}`, abort, async () => {
      const connections = await this.#connections.get();
      const models = await connections.models(server, abort.signal, key);
      let { model } = server;
      if (!models.includes(model) && models.length > 1) {
        const picked = await window.showQuickPick(models, {
          title: l10n.t`Which model of ${host}?`,
          ignoreFocusOut: true,
        });
        if (picked === undefined) return undefined;
        model = picked;
      } else if (!models.includes(model)) model = models[0] ?? '';
      const exact = { ...server, model };
      return { server: exact, probe: await connections.probe(exact, abort.signal, key) };
    });
  }
}

/** Absolute path of a folder, empty for none; undefined when the user gives up. */
async function askFolder(): Promise<string | undefined> {
  const none = { label: l10n.t`No Local Folder`, description: l10n.t`what the server's answers tell is taken` };
  const browse = {
    label: l10n.t`$(folder-opened) Browse…`,
    description: l10n.t`config.json tells layers and experts, tokenizer.json where tokens stand; no weights are needed`,
  };
  const picked = await window.showQuickPick([browse, none], {
    title: l10n.t`Is there a local folder with the model's config.json?`,
    ignoreFocusOut: true,
  });
  if (picked === undefined) return undefined;
  if (picked === none) return '';
  const [folder] =
    (await window.showOpenDialog({
      canSelectFiles: false,
      canSelectFolders: true,
      defaultUri: Uri.file(homedir()),
      openLabel: l10n.t`Choose Folder`,
      title: l10n.t`Folder with the model's config.json and tokenizer.json`,
    })) ?? [];
  return folder?.fsPath;
}

function foundSentence({ identity, model, moeLayers, notes }: ServerProbe): string {
  const engine = `${identity.engine} ${identity.version}`.trim();
  const { experts, k } = moeLayers[0]!;
  const shape = l10n.t`${count(moeLayers.length)} MoE layers × ${experts} experts, top-${k}`;
  const found =
    model.name === '' ? l10n.t`The model on ${engine}: ${shape}.` : l10n.t`${model.name} on ${engine}: ${shape}.`;
  return [found, ...notes].join(' ');
}
