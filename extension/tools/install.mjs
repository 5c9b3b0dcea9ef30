// Makes node_modules what package-lock.json says. Needs nothing installed but Node 20 and npm.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { node, npm, readJson, root } from './project.mjs';

function installed() {
  const record = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(record) || !existsSync(node)) return false;
  const present = readJson(record).packages;
  // What npm leaves out on this platform is optional in the lock file; the entry '' is the project itself.
  return Object.entries(readJson(join(root, 'package-lock.json')).packages).every(
    ([path, { version, optional }]) => path === '' || (path in present ? present[path].version === version : optional),
  );
}

export async function install() {
  if (installed()) return;
  console.log('Installing the packages named in package-lock.json …');
  // onnxruntime-node's own install script fetches CUDA libraries, which nothing here uses.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  if (!(await npm(['ci', '--no-audit', '--no-fund', '--loglevel', 'error'], { env }))) {
    throw new Error('npm ci failed; its message is above.');
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await install();
