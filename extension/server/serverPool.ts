import * as l10n from '@vscode/l10n';
import { isUserError, UserError } from '../protocol/errors.ts';
import type { AnalyzeResult, AnalyzeSink } from '../protocol/engine.ts';
import type { ModelInfo } from '../protocol/trace.ts';
import type { ServerClient } from './serverClient.ts';

/** A server that could not be reached is asked again after so long. */
const REST_MS = 15_000;

interface Member {
  readonly client: Pick<ServerClient, 'analyze' | 'name'>;
  /** Left alone until then, in milliseconds since 1970; 0 for one that is up. */
  restsUntil: number;
  /** What it routed with last. */
  model?: ModelInfo;
}

/** A server routed with another model than another one did last. */
class DifferentModels extends UserError {}

type PoolOptions = Parameters<ServerClient['analyze']>[4] & {
  /** Goes to the first server as long as that is up, and not to all in turn: it has cached the text as it was before an edit. */
  readonly stays?: boolean;
};

/**
 * The same model on several servers. Texts go to them in turn; a server that cannot be reached, or dies over a text, loses
 * nothing: the text goes to another.
 */
export class ServerPool {
  readonly #members: readonly Member[];
  #turn = 0;

  /** @param clients at least one */
  constructor(clients: readonly Member['client'][]) {
    this.#members = clients.map((client) => ({ client, restsUntil: 0 }));
  }

  /**
   * As ServerClient's.
   *
   * @throws UserError of a server that could not be reached when all others could not either; of servers of different models
   */
  async analyze(
    run: number,
    text: string,
    sink: AnalyzeSink,
    signal: AbortSignal,
    { stays = false, ...options }: PoolOptions = {},
  ): Promise<AnalyzeResult> {
    const question = (member: Member): Promise<AnalyzeResult> =>
      member.client.analyze(run, text, stays ? sink : this.#alike(member, sink), signal, options);
    try {
      return await this.#ask(question, stays);
    } catch (error) {
      // What the others routed with may be long ago.
      if (!(error instanceof DifferentModels)) throw error;
      return this.#ask(question, stays);
    }
  }

  /** Name of the model, as the first server says that can be reached. Throws as `analyze`. */
  name(signal: AbortSignal): Promise<string> {
    return this.#ask(({ client }) => client.name(signal), true);
  }

  /** Asks one server, and another where that cannot be reached. @param first begins with the first one */
  async #ask<T>(question: (member: Member) => Promise<T>, first: boolean): Promise<T> {
    const tried = new Set<Member>();
    for (;;) {
      if (first) this.#turn = 0;
      const member = this.#next(tried);
      tried.add(member);
      try {
        const answer = await question(member);
        member.restsUntil = 0;
        return answer;
      } catch (error) {
        if (!isUserError(error, 'server-unreachable')) throw error;
        member.restsUntil = Date.now() + REST_MS;
        if (tried.size === this.#members.length) throw error;
      }
    }
  }

  /** A sink that refuses routing of another model than the others': what comes of many texts would be of neither. */
  #alike(member: Member, sink: AnalyzeSink): AnalyzeSink {
    return {
      progress: (progress) => {
        sink.progress(progress);
      },
      began: (began) => {
        member.model = began.model;
        const other = this.#members.find(({ model }) => model && likenessOf(model) !== likenessOf(began.model));
        if (other) {
          const [here, there] = [began.model, other.model!].map(
            ({ name, provider }) => l10n.t`"${name}" on ${provider}`,
          );
          for (const forgotten of this.#members) if (forgotten !== member) delete forgotten.model;
          throw new DifferentModels(
            'server-unfit',
            l10n.t`The servers do not serve the same model: ${here!} has another name or other layers than ${there!}.`,
          );
        }
        sink.began(began);
      },
      routed: (routed) => {
        sink.routed(routed);
      },
    };
  }

  /** The next in turn that is not known to be away; if all are, the one that has been for longest. */
  #next(tried: ReadonlySet<Member>): Member {
    const { length } = this.#members;
    const inTurn = this.#members.map((_, i) => this.#members[(this.#turn + i) % length]!).filter((m) => !tried.has(m));
    const up = inTurn.find(({ restsUntil }) => restsUntil <= Date.now());
    const member = up ?? inTurn.reduce((a, b) => (b.restsUntil < a.restsUntil ? b : a));
    this.#turn = this.#members.indexOf(member) + 1;
    return member;
  }
}

/** What servers of one model have in common; of experts there may be as many as a text happened to choose. */
function likenessOf({ name, moeLayers }: ModelInfo): string {
  return JSON.stringify([name, moeLayers.map(({ layer, k }) => [layer, k])]);
}
