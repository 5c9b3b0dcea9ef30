// What the tools know of the project: where it lies, its Node, and how to run programs in it. Needs nothing installed.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** The project's own Node (npm package `node`): the user's may be older than what the other tools need. */
export const node = join(root, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node');

/** @param {string} path */
export function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/**
 * Arguments that make `node` run a command of an installed package.
 * @param {string} name the package
 * @param {string} [command] its command, where that is not the package's name
 */
export function tool(name, command = name) {
  const manifest = createRequire(join(root, 'package.json')).resolve(`${name}/package.json`);
  const { bin } = readJson(manifest);
  return join(dirname(manifest), typeof bin === 'string' ? bin : bin[command]);
}

/**
 * Runs a program in the foreground and tells whether it succeeded.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<boolean>}
 */
export function run(command, args, options) {
  return new Promise((resolve) => {
    spawn(command, args, { cwd: root, stdio: 'inherit', ...options })
      .once('error', (error) => {
        console.error(`${command} cannot be run: ${error.message}`);
        resolve(false);
      })
      .once('exit', (code) => resolve(code === 0));
  });
}

/**
 * Runs npm, which on Windows is a batch file and so needs a shell.
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 */
export function npm(args, options) {
  return run('npm', args, { shell: process.platform === 'win32', ...options });
}
