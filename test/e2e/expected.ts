/** What the views must show of a sample, computed from the reference implementation's numbers alone. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FIXTURES, Reference, ROOT } from '../support/reference.ts';

export class Expected {
  readonly tokens: number;

  private constructor(
    private readonly reference: Reference,
    private readonly input: number,
    private readonly text: string,
  ) {
    this.tokens = this.column('input_ids').length;
  }

  /** The bundled model on a sample, which must be all ASCII: the reference counts code points, the editor UTF-16 units. */
  static async of(sample: string): Promise<Expected> {
    const reference = await Reference.read(join(FIXTURES, 'demo/balanced'));
    const text = readFileSync(join(ROOT, 'media/samples', sample), 'utf8');
    return new Expected(reference, reference.inputs.indexOf(text), text);
  }

  /** Token at the middle of a word's first occurrence. */
  tokenIn(word: string): number {
    const at = this.text.indexOf(word) + word.length / 2;
    return Array.from({ length: this.tokens }, (_, token) => token).findIndex((token) => this.end(token) > at);
  }

  id(token: number): number {
    return this.column('input_ids')[token]!;
  }

  surprise(token: number): number {
    return -this.column('logprob')[token]!;
  }

  /** Experts of a token at a layer, highest weight first. */
  experts(token: number, layer: number): number[] {
    return [...this.row('topk_index', token, layer)];
  }

  weights(token: number, layer: number): number[] {
    return [...this.row('topk_weight', token, layer)];
  }

  entropy(token: number, layer: number): number {
    return -this.probabilities(token, layer).reduce((sum, p) => sum + p * Math.log(p), 0);
  }

  /** Probability of the last chosen expert over that of the first not chosen. */
  margin(token: number, layer: number): number {
    const sorted = this.probabilities(token, layer).sort((a, b) => b - a);
    const k = this.experts(token, layer).length;
    return sorted[k - 1]! - sorted[k]!;
  }

  /** Each expert's share of a layer's slots. */
  shares(layer: number): number[] {
    const slots = this.column(`topk_index`, layer);
    const shares = this.probabilities(0, layer).map(() => 0);
    for (const expert of slots) shares[expert]! += 1 / slots.length;
    return shares;
  }

  /** Stretches of the text whose tokens have one key, as the editor decorates them: cut at line ends, neighbours joined. */
  stretches<K>(keyOf: (token: number) => K | undefined): { text: string; key: K }[] {
    const found: { text: string; key: K; end: number }[] = [];
    for (let token = 0; token < this.tokens; token++) {
      const key = keyOf(token);
      if (key === undefined) continue;
      let at = this.start(token);
      for (const piece of this.text.slice(at, this.end(token)).split('\n')) {
        const last = found.at(-1);
        if (piece !== '' && last?.end === at && last.key === key) {
          last.text += piece;
          last.end += piece.length;
        } else if (piece !== '') {
          found.push({ text: piece, key, end: at + piece.length });
        }
        at += piece.length + 1;
      }
    }
    return found.map(({ text, key }) => ({ text, key }));
  }

  private start(token: number): number {
    return this.column('offsets')[2 * token]!;
  }

  private end(token: number): number {
    return this.column('offsets')[2 * token + 1]!;
  }

  private probabilities(token: number, layer: number): number[] {
    const exps = [...this.row('router', token, layer)].map(Math.exp);
    const sum = exps.reduce((a, b) => a + b, 0);
    return exps.map((e) => e / sum);
  }

  private row(name: string, token: number, layer: number): Iterable<number> {
    const column = this.column(name, layer);
    const width = column.length / this.tokens;
    return column.slice(token * width, (token + 1) * width);
  }

  private column(name: string, layer?: number): { readonly length: number; readonly [i: number]: number } & Sliceable {
    const suffix = layer === undefined ? '' : `.${layer}`;
    return this.reference.get(`${name}.${this.input}${suffix}`).data;
  }
}

interface Sliceable extends Iterable<number> {
  slice(from: number, to: number): Iterable<number>;
}
