/**
 * A thread of the engine that ends the process when whoever started it is gone: while ONNX Runtime makes a session or runs a pass, the
 * main thread hears of nothing, and a large model would hold its memory for as long as that takes.
 */
import process from 'node:process';
import { workerData } from 'node:worker_threads';

const INTERVAL_MS = 500;

const parent = workerData as number;

function isGone(): boolean {
  // An orphan is given to another process, but on Windows, where the number stays and names nobody.
  if (process.ppid !== parent) return true;
  try {
    process.kill(parent, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

setInterval(() => {
  if (isGone()) process.kill(process.pid, 'SIGKILL');
}, INTERVAL_MS);
