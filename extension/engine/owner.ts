/**
 * Which engine a file or folder is of, as part of its name: <pid>@<host>.<boot>. A home may be shared by machines and
 * containers, none of which sees the processes of another.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename } from 'node:path';

/** Names of earlier versions have the process id alone. */
const OWNER = /^[a-z-]+-(?<pid>[1-9]\d*)(?:@(?<host>[0-9a-f]{8})\.(?<boot>[0-9a-f]{8}))?(?![\w@])/;
/** Of another machine nobody can tell: what it has not touched for so long is taken for abandoned. Whoever is at work does each hour. */
const FOREIGN_MS = 3 * 60 * 60 * 1000;

const host = short(`${hostname()} ${onLinux(() => readlinkSync('/proc/self/ns/pid'))}`);
const boot = short(onLinux(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()));

/** Stands for this process. */
export const OWNER_NAME = `${process.pid}@${host}.${boot}`;

/** Whether the engine that what lies there is of may still run; undefined where its name has none. */
export async function ownerLives(path: string): Promise<boolean | undefined> {
  const owner = OWNER.exec(basename(path))?.groups;
  if (!owner) return undefined;
  if (owner['host'] !== undefined && owner['host'] !== host) {
    // What is gone meanwhile has nobody.
    const made = await stat(path).catch(() => undefined);
    return made !== undefined && Date.now() - made.mtimeMs < FOREIGN_MS;
  }
  return (owner['boot'] ?? boot) === boot && isAlive(Number(owner['pid']));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // One that has ended keeps its id until its parent has seen that, and in a container nobody may be there to.
    return !/\) [ZX] /.test(onLinux(() => readFileSync(`/proc/${pid}/stat`, 'utf8')));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function short(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** Elsewhere the name of the host has to do. */
function onLinux(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
