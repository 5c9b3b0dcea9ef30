import { setTimeout as sleep } from 'node:timers/promises';

/** Asks until there is an answer. */
export async function poll<T>(what: string, ask: () => Promise<T | undefined>, seconds = 20): Promise<T> {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(50);
  }
  throw new Error(`Waited ${seconds} s for ${what}`);
}
