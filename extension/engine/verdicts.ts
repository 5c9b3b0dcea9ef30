import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { writeWhole } from '../formats/wholeFile.ts';

/** How a provider did with a model. */
const verdict = v.object({
  /**
   * `trusted`: its results differ from the CPU's by no more than rounding, and come sooner; `slow`: no sooner; `wrong`: they
   * differ, or there are none; `absent`: there is no device for it.
   */
  outcome: v.picklist(['trusted', 'slow', 'wrong', 'absent']),
  /** Most tokens of a pass that come out right. */
  chunk: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** What a user is told. */
  sentence: v.string(),
});
export type Verdict = v.InferOutput<typeof verdict>;

const file = v.fallback(v.record(v.string(), v.object({ at: v.number(), verdict })), {});

/** Drivers change in ways that cannot be seen from here: what was true a month ago is tried again. */
const KEPT_MS = 30 * 24 * 3600 * 1000;

/** Verdicts by what they depend on, in a file of the cache that may be deleted at any time. */
export class Verdicts {
  readonly #path: string;

  /** @param cache the folder that the file lies in */
  constructor(cache: string) {
    this.#path = join(cache, 'providers.json');
  }

  async get(key: string): Promise<Verdict | undefined> {
    const entry = (await this.#read())[key];
    return entry && Date.now() - entry.at < KEPT_MS ? entry.verdict : undefined;
  }

  /** Remembers a verdict; where that fails, the next opening tries anew. */
  async set(key: string, found: Verdict): Promise<void> {
    const known = Object.entries(await this.#read()).filter(([, { at }]) => Date.now() - at < KEPT_MS);
    const text = JSON.stringify({ ...Object.fromEntries(known), [key]: { at: Date.now(), verdict: found } });
    try {
      await mkdir(join(this.#path, '..'), { recursive: true });
      await writeWhole(this.#path, text);
    } catch {
      // Nothing depends on it.
    }
  }

  async #read(): Promise<v.InferOutput<typeof file>> {
    try {
      return v.parse(file, JSON.parse(await readFile(this.#path, 'utf8')));
    } catch {
      return {};
    }
  }
}
