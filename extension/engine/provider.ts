/** Which of ONNX Runtime's execution providers runs a model: the one that is asked for, or one that proves itself. */
import * as l10n from '@vscode/l10n';
import { createHash } from 'node:crypto';
import { listSupportedBackends } from 'onnxruntime-node';
import type { ModelRequest } from '../protocol/engine.ts';
import { isUserError, messageOf, UserError } from '../protocol/errors.ts';
import { language } from '../protocol/language.ts';
import { PROVIDERS, type Precision, type Provider } from '../protocol/trace.ts';
import { CHUNK_TOKENS, CPU, type Device } from './device.ts';
import { driverKey, hasDriver } from './driver.ts';
import type { OpenModel } from './model.ts';
import { placementIn, Placement } from './placement.ts';
import { compare, isCorrect, isRepeatable, probe, type Probe } from './selfCheck.ts';
import { Verdicts, type Verdict } from './verdicts.ts';

/** What `auto` tries, best first: where it has been seen to run models of ours, or is what the kernels were written for. */
const CANDIDATES: readonly Provider[] = ['cuda', 'webgpu'];

/** Tokens a pass where attention is wrong on more: WebGPU takes another kernel from 32 rows on. */
const SHORT_CHUNK = 31;

export interface ProvenOptions {
  readonly signal: AbortSignal;
  readonly log?: (message: string) => void;
  /** Names the model's content and all else that decides what is computed. */
  readonly content: string;
  readonly precision: Precision;
}

/** Providers that onnxruntime-node has for this platform, the CPU among them. */
export function shippedProviders(): Provider[] {
  const bundled = listSupportedBackends().flatMap(({ name, bundled }) => (bundled ? [name] : []));
  return PROVIDERS.filter((provider) => bundled.includes(provider));
}

/**
 * Opens a model where the request wants it.
 *
 * @param open makes it for a device; asked for one model at a time, so that two need not fit
 * @throws UserError `precision-unsupported` when the provider that is asked for is not there or gets it wrong
 */
export async function openProven<M extends OpenModel>(
  { provider, cache }: Pick<ModelRequest, 'provider' | 'cache'>,
  options: ProvenOptions,
  open: (device: Device) => Promise<M>,
): Promise<M> {
  if (provider === 'cpu') return open(CPU);
  const shipped = shippedProviders();
  if (provider !== 'auto' && !shipped.includes(provider)) {
    throw new UserError(
      'precision-unsupported',
      l10n.t`ONNX Runtime has no ${provider} for ${process.platform}-${process.arch}; it has ${shipped.join(l10n.t` and `)}.`,
    );
  }
  const judge = new Judge(new Verdicts(cache), options, open);
  if (provider !== 'auto') {
    const { verdict, model } = await judge.of(provider);
    if (verdict.outcome === 'wrong' || verdict.outcome === 'absent') {
      throw new UserError('precision-unsupported', verdict.sentence);
    }
    return model ?? open(deviceOf(provider, verdict));
  }
  const reasons: string[] = [];
  for (const candidate of CANDIDATES.filter((p) => shipped.includes(p))) {
    const { verdict, model } = await judge.of(candidate);
    if (verdict.outcome === 'trusted') return model ?? open(deviceOf(candidate, verdict));
    await model?.close();
    if (verdict.outcome !== 'absent') reasons.push(verdict.sentence);
  }
  if (reasons.length === 0) return open(CPU);
  const note = l10n.t`On the CPU: ${reasons.join(' ')}`;
  options.log?.(note);
  return open({ ...CPU, note });
}

function deviceOf(provider: Provider, { chunk, sentence }: Verdict): Device {
  return { provider, chunk, note: sentence };
}

/** Compares devices with the CPU, and remembers how it went. */
class Judge<M extends OpenModel> {
  readonly #verdicts: Verdicts;
  readonly #options: ProvenOptions;
  readonly #open: (device: Device) => Promise<M>;
  #reference: Probe | undefined;

  constructor(verdicts: Verdicts, options: ProvenOptions, open: (device: Device) => Promise<M>) {
    this.#verdicts = verdicts;
    this.#options = options;
    this.#open = open;
  }

  /** What is known of a provider, or what a trial shows; of a trial that went well also the model that it opened. */
  async of(provider: Provider): Promise<{ readonly verdict: Verdict; readonly model?: M }> {
    const { content, precision, log } = this.#options;
    const key = createHash('sha256')
      // A verdict is kept as a sentence.
      .update(`${content}\n${precision}\n${provider}\n${await driverKey()}\n${language()}`)
      .digest('hex');
    // Asked for a driver where there is none, Vulkan complains to the terminal.
    if (provider === 'webgpu' && !(await hasDriver())) return { verdict: absent(provider) };
    const known = await this.#verdicts.get(key);
    if (known) return { verdict: known };
    const found = await this.#try(provider);
    log?.(found.verdict.sentence);
    await this.#verdicts.set(key, found.verdict);
    return found;
  }

  async #try(provider: Provider): Promise<{ readonly verdict: Verdict; readonly model?: M }> {
    const { signal, precision } = this.#options;
    this.#reference ??= await this.#onCpu();
    const cpu = this.#reference;
    const profile = await Placement.begin();
    let model: M | undefined;
    try {
      model = await this.#open({ provider, chunk: CHUNK_TOKENS, profile: profile.prefix });
      const first = await probe(model, signal);
      model.endProfile?.();
      const onCpu = await placementIn(profile);
      const chunks = [
        { chunk: CHUNK_TOKENS, run: first },
        { chunk: SHORT_CHUNK, run: undefined },
      ];
      let found = '';
      for (const { chunk, run } of chunks) {
        const inChunks = { ...model, chunk };
        const result = run ?? (await probe(inChunks, signal));
        const comparison = compare(cpu, result);
        const agreement = `${(100 * comparison.share).toFixed(1)} %`;
        found = l10n.t`${agreement} of the choices at the worst layer are the CPU's, log-probabilities are ${comparison.nats.toPrecision(2)} nats off`;
        if (!isCorrect(comparison, precision)) continue;
        const again = await probe(inChunks, signal);
        if (!isRepeatable(result, again)) {
          await model.close();
          return { verdict: wrong(l10n.t`${provider} chooses other experts each time it runs the same text.`) };
        }
        const speed = cpu.milliseconds / again.milliseconds;
        const slow = chunk < CHUNK_TOKENS ? l10n.t`, but only ${chunk} tokens at a time` : '';
        const sentence = l10n.t`${provider} routes as the CPU does (${agreement} of the choices)${slow}, at ${speed.toPrecision(2)} × its speed${onCpu}.`;
        return {
          verdict: { outcome: speed > 1 ? 'trusted' : 'slow', chunk, sentence },
          model: withNote(inChunks, sentence),
        };
      }
      await model.close();
      return { verdict: wrong(l10n.t`${provider} does not compute this model right here: ${found}.`) };
    } catch (error) {
      await model?.close().catch(() => undefined);
      if (isUserError(error)) throw error;
      return { verdict: failure(provider, messageOf(error)) };
    } finally {
      await profile.remove();
    }
  }

  async #onCpu(): Promise<Probe> {
    const model = await this.#open(CPU);
    try {
      // The first run finds memory and packs matrices; the second one is what others are.
      await probe(model, this.#options.signal);
      return await probe(model, this.#options.signal);
    } finally {
      await model.close();
    }
  }
}

function withNote<M extends OpenModel>(model: M, note: string): M {
  return { ...model, info: { ...model.info, note } };
}

function wrong(sentence: string): Verdict {
  return { outcome: 'wrong', chunk: CHUNK_TOKENS, sentence };
}

function absent(provider: Provider): Verdict {
  return { outcome: 'absent', chunk: CHUNK_TOKENS, sentence: l10n.t`${provider} finds no GPU that it can use.` };
}

/** ONNX Runtime's errors name files and lines of its own first. */
function failure(provider: Provider, message: string): Verdict {
  if (/adapter/i.test(message)) return absent(provider);
  if (/requires f16/i.test(message)) return wrong(l10n.t`${provider} finds a GPU that does not compute in float16.`);
  const said = message
    .replace(/\s+/g, ' ')
    .replace(/^.*Status Message: /, '')
    .slice(0, 200)
    .trim();
  return wrong(l10n.t`${provider} cannot run this model here: ${said}.`);
}
