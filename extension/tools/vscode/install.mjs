// A VS Code that runs without a desktop: the server part of the npm package code-server, kept in the user's cache folder
// because it takes 570 MB. Needs nothing installed but npm and tar.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { npm, run } from '../project.mjs';

const version = '4.139.1'; // of code-server; it is VS Code 1.139.1
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'moescope');
const folder = join(cache, `vscode-${version}`);
/** Extensions in it that complain: the one lacks its compiler here, the other an account. */
const unusable = ['typescript-language-features', 'copilot'];
const HOUR = 3_600_000;

/** Sets it up where that has not been done, and returns its folder. */
export async function installVscode() {
  if (existsSync(folder)) return folder;
  console.log(`Setting up VS Code, once, in ${folder} (570 MB) …`);
  mkdirSync(cache, { recursive: true });
  removeLeftovers();
  // Made beside its place and moved there when complete, so that an interrupted set-up is never taken for a good one.
  const work = mkdtempSync(`${folder}.tmp-`);
  try {
    await download(work);
    moveInto(join(work, 'package/lib/vscode'));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}

async function download(work) {
  // Run from elsewhere, npm must not take the settings of the project that called it for those of this place.
  const quiet = { cwd: work, stdio: ['ignore', 'ignore', 'inherit'] };
  const archive = `code-server-${version}.tgz`;
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'error'];
  const server = join(work, 'package/lib/vscode');
  const done =
    (await npm(['pack', `code-server@${version}`, '--loglevel', 'error'], quiet)) &&
    (await run('tar', ['-xzf', archive], quiet)) &&
    // Scripts are left out on purpose: they compile for minutes what is not used here.
    (await npm(['install', '--omit=dev', ...options], { ...quiet, cwd: server }));
  if (!done) throw new Error('VS Code could not be set up; the message of npm is above.');
  for (const name of ['spdlog', 'native-watchdog']) {
    copyFileSync(new URL(`${name}.cjs`, import.meta.url), join(server, `node_modules/@vscode/${name}/index.js`));
  }
  for (const name of unusable) rmSync(join(server, 'extensions', name), { recursive: true });
}

function moveInto(complete) {
  try {
    renameSync(complete, folder);
  } catch (error) {
    // Another set-up was faster: its result is as good.
    if (!existsSync(folder)) throw error;
  }
}

function removeLeftovers() {
  for (const name of readdirSync(cache)) {
    const path = join(cache, name);
    if (name.includes('.tmp-') && Date.now() - statSync(path).mtimeMs > HOUR) rmSync(path, { recursive: true });
  }
}
