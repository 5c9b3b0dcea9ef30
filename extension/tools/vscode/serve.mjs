// Runs the VS Code server of install.mjs on this machine only, with one extension and a profile of its own.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { node } from '../project.mjs';
import { installVscode } from './install.mjs';

const START_SECONDS = 60;

/** A window with nothing in it but the extension and the text. */
const calm = {
  'workbench.startupEditor': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'files.autoSave': 'off',
  'git.openRepositoryInParentFolders': 'never',
  'chat.disableAIFeatures': true,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
};

/**
 * @typedef {object} Server
 * @property {(folder: string, file?: string) => string} url address that opens a folder, and a file in it
 * @property {string} home folder with its settings and logs; gone after `dispose`
 * @property {() => Promise<void>} dispose ends all of its processes
 */

/**
 * @param {object} options
 * @param {string} [options.extension] a .vsix to install, or a folder to use in place
 * @param {Record<string, unknown>} [options.settings]
 * @param {number} [options.port] 0 for any that is free
 * @param {boolean} [options.trusted] whether folders are trusted without being asked about
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {number} [options.inspect] port at which a process listens for a debugger once it gets SIGUSR1
 * @param {string} [options.locale] language of the window, as zh-cn; VS Code's own words stay English, for want of its translations
 * @returns {Promise<Server>}
 */
export async function serve({
  extension,
  settings = {},
  port = 0,
  trusted = true,
  env = process.env,
  inspect,
  locale,
}) {
  const main = join(await installVscode(), 'out/server-main.js');
  const home = mkdtempSync(join(tmpdir(), 'moescope-vscode-'));
  const [server, user, extensions] = ['server', 'user', 'extensions'].map((name) => join(home, name));
  mkdirSync(extensions);
  // Twice: settings of the machine count only where the server keeps its own.
  for (const of of ['User', 'Machine']) {
    mkdirSync(join(user, of), { recursive: true });
    writeFileSync(join(user, of, 'settings.json'), JSON.stringify({ ...calm, ...settings }));
  }
  if (locale) addLanguage(locale, user);
  if (extension?.endsWith('.vsix')) await installExtension(extension, extensions, env);
  else if (extension) symlinkSync(extension, join(extensions, basename(extension)), 'junction');

  const child = spawn(
    node,
    [
      ...(inspect ? [`--inspect-port=${inspect}`] : []),
      ...[main, '--server-data-dir', server, '--user-data-dir', user, '--extensions-dir', extensions],
      ...['--host', '127.0.0.1', '--port', String(port), '--without-connection-token', '--accept-server-license-terms'],
      ...['--telemetry-level', 'off', ...(trusted ? ['--disable-workspace-trust'] : [])],
      ...(locale ? ['--locale', locale] : []),
    ],
    // A process group of its own: VS Code starts further processes, and all of them are to end with it. They are killed, and so
    // leave their sockets behind: in a folder that goes with them.
    { env: { ...env, XDG_RUNTIME_DIR: home }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const dispose = async () => {
    endTree(child);
    await exited;
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const address = `127.0.0.1:${await listening(child)}`;
    return { url: (folder, file) => link(address, folder, file), home, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/**
 * Installs an extension as VS Code does.
 * @param {string} vsix
 * @param {string} folder where extensions lie
 * @returns {Promise<string>} the extension's own folder there
 */
export async function installExtension(vsix, folder, env = process.env) {
  const main = join(await installVscode(), 'out/server-main.js');
  const options = ['--server-data-dir', join(folder, '.server'), '--extensions-dir', folder];
  execFileSync(node, [main, ...options, '--install-extension', vsix], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const installed = readdirSync(folder, { withFileTypes: true }).find(
    (one) => one.isDirectory() && !one.name.startsWith('.'),
  );
  return join(folder, installed.name);
}

/** What the installation of a language pack leaves behind: without it, the language would count as unknown. */
function addLanguage(locale, user) {
  const translations = join(user, 'translations.json');
  writeFileSync(translations, JSON.stringify({ contents: {} }));
  const extensions = [{ extensionIdentifier: { id: `moescope.${locale}` }, version: '0.0.0' }];
  const pack = { hash: locale, extensions, translations: { vscode: translations }, label: locale };
  writeFileSync(join(user, 'languagepacks.json'), JSON.stringify({ [locale]: pack }));
}

/** Port the server says it listens on. */
function listening(child) {
  return new Promise((resolve, reject) => {
    let output = '';
    const fail = (why) => reject(new Error(`VS Code did not start: ${why}\n${output}`));
    const timer = setTimeout(() => fail(`not within ${START_SECONDS} s`), START_SECONDS * 1000);
    const read = (data) => {
      output += data;
      const port = /listening on (\d+)/.exec(output)?.[1];
      if (port) {
        clearTimeout(timer);
        resolve(Number(port));
      }
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`it ended with ${code}`));
  });
}

function link(address, folder, file) {
  const url = `http://${address}/?folder=${query(pathToFileURL(folder).pathname)}`;
  if (!file) return url;
  const payload = [['openFile', `vscode-remote://${address}${pathToFileURL(file).pathname}`]];
  return `${url}&payload=${query(JSON.stringify(payload))}`;
}

/** A value of a query, in which `/` and `:` need no escape: an address is to be read by people. */
function query(value) {
  return encodeURIComponent(value).replaceAll('%2F', '/').replaceAll('%3A', ':');
}

function endTree(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  if (process.platform === 'win32') execFileSync('taskkill', ['/pid', String(child.pid), '/t', '/f']);
  else process.kill(-child.pid, 'SIGKILL');
}
