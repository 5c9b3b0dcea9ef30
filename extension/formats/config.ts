import * as l10n from '@vscode/l10n';
import { UserError } from '../protocol/errors.ts';
import { isJsonObject, type JsonObject } from './json.ts';

/** Larger than any size in any config; smaller than what would overflow a product of two. */
const MAX_SIZE = 2 ** 26;
/** For what is counted rather than measured, layers and experts: each costs time and memory before a tensor is looked at. */
const MAX_COUNT = 2 ** 14;

/**
 * A config and, two levels down, its sections: multimodal models keep the language model's config in one, and some that of
 * each half of theirs in one which has it in one.
 */
export function sectionsOf(config: JsonObject): readonly JsonObject[] {
  const inner = (section: JsonObject): readonly JsonObject[] => Object.values(section).filter(isJsonObject);
  const outer = inner(config);
  return [config, ...outer, ...outer.flatMap(inner)];
}

/**
 * Reads a config.json key by key, and remembers which. A key may go by several names, the first one present counts; `null`
 * counts as absent, of a flag as off. For keys where transformers has it stand for none instead of the default there is `isNull`. Every problem is one
 * sentence that names the key.
 */
export class ConfigReader {
  readonly #config: JsonObject;
  readonly #read = new Set<string>();
  readonly #sections = new Map<string, ConfigReader>();

  constructor(config: JsonObject) {
    this.#config = config;
  }

  get isEmpty(): boolean {
    return Object.keys(this.#config).length === 0;
  }

  has(key: string): boolean {
    return this.#get(key) !== undefined && this.#get(key) !== null;
  }

  /** Notes keys that are understood and say nothing here, with all that stands under them. */
  knows(...keys: readonly string[]): void {
    for (const key of keys) {
      this.#read.add(key);
      this.#sections.delete(key);
    }
  }

  /** Refuses any other value of a key than the one that its absence stands for. */
  expect(key: string, value: string | number | boolean): void {
    if (this.has(key) && this.#get(key) !== value) {
      this.#fail(
        l10n.t`has ${key} ${JSON.stringify(this.#get(key))}, where only ${JSON.stringify(value)} is supported`,
      );
    }
  }

  /** What nobody has asked for, sections included; names are those of the path, with dots. */
  unread(): readonly (readonly [name: string, value: unknown])[] {
    return [
      ...Object.entries(this.#config).filter(([key]) => !this.#read.has(key)),
      ...[...this.#sections].flatMap(([key, section]) =>
        section.unread().map(([name, value]) => [`${key}.${name}`, value] as const),
      ),
    ];
  }

  /** Whether the config says null, where that is not the same as saying nothing. */
  isNull(key: string): boolean {
    return this.#get(key) === null;
  }

  /** The length of an axis: a whole number from 1 on. */
  size(names: string | readonly string[], fallback?: number): number {
    return this.#whole(names, fallback, MAX_SIZE);
  }

  /** How many layers or experts: a whole number from 1 on. */
  count(names: string | readonly string[], fallback?: number): number {
    return this.#whole(names, fallback, MAX_COUNT);
  }

  /** How many of what there may be none of: a whole number from 0 on. */
  countFromZero(key: string, fallback?: number): number {
    return this.#get(key) === 0 ? 0 : this.count(key, fallback);
  }

  /** How many layers or experts, one number for each of so many things: a list of them, or one for all. */
  counts(names: string | readonly string[], length: number): readonly number[] {
    const [key, value] = this.#find(names);
    if (!Array.isArray(value)) return new Array<number>(length).fill(this.count(names));
    return this.numbers(key, length).map((n) => this.#checkWhole(key, n, MAX_COUNT));
  }

  /** The length of an axis; `auto` where the config says so or nothing. */
  sizeOrAuto(key: string, auto: number): number {
    return this.#get(key) === 'auto' ? auto : this.size(key, auto);
  }

  /** A whole number from 1 on, or undefined when absent. */
  optionalSize(key: string): number | undefined {
    return this.has(key) ? this.size(key) : undefined;
  }

  /** A number above 0 that float32 can hold. */
  positive(names: string | readonly string[], fallback?: number): number {
    const [key, value] = this.#find(names);
    if (value === undefined) return fallback ?? this.#fail(l10n.t`has no ${key}`);
    if (!isFloat32(value) || value <= 0) {
      return this.#fail(l10n.t`has no proper ${key}: ${JSON.stringify(value)}`);
    }
    return value;
  }

  /** The same from 0 on. */
  positiveOrZero(key: string, fallback: number): number {
    return this.#get(key) === 0 ? 0 : this.positive(key, fallback);
  }

  /** Any number that float32 can hold. */
  number(key: string): number {
    const value = this.#get(key);
    if (!isFloat32(value)) {
      return this.#fail(l10n.t`has no proper ${key}: ${JSON.stringify(value)}`);
    }
    return value;
  }

  /** A list of so many such numbers. */
  numbers(key: string, length: number): readonly number[] {
    const value = this.#get(key);
    if (!Array.isArray(value) || value.length !== length || !value.every(isFloat32)) {
      return this.#fail(l10n.t`has no proper ${key}: ${length} numbers are wanted`);
    }
    return value;
  }

  /** So many lengths of axes. */
  sizes(key: string, length: number): readonly number[] {
    return this.numbers(key, length).map((n) => this.#checkWhole(key, n, MAX_SIZE));
  }

  /** One of `count` things, told by its index. */
  index(key: string, count: number): number {
    const value = this.#get(key);
    if (!Number.isInteger(value) || (value as number) < 0 || (value as number) >= count) {
      return this.#fail(l10n.t`has no proper ${key}: ${JSON.stringify(value)}`);
    }
    return value as number;
  }

  /** A list of indices; empty when absent. */
  indices(key: string): readonly number[] {
    const value = this.#get(key) ?? [];
    if (!Array.isArray(value) || !value.every((n) => Number.isInteger(n))) {
      return this.#fail(l10n.t`has no proper ${key}`);
    }
    return value as number[];
  }

  /** A list of words; empty when absent. */
  words(key: string): readonly string[] {
    const value = this.#get(key) ?? [];
    if (!Array.isArray(value) || value.length > MAX_COUNT || !value.every((word) => typeof word === 'string')) {
      return this.#fail(l10n.t`has no proper ${key}`);
    }
    return value;
  }

  /** The letters of a text. */
  letters(key: string): readonly string[] {
    const value = this.#get(key);
    if (typeof value !== 'string' || value.length > MAX_COUNT) return this.#fail(l10n.t`has no proper ${key}`);
    return Array.from(value);
  }

  /** Two bounds; the upper one may be infinite, which json.ts reads as {"__float__": "Infinity"}. */
  bounds(key: string, fallback: readonly [number, number]): readonly [number, number] {
    if (!this.has(key)) return fallback;
    const value = this.#get(key);
    const [low, high] = (Array.isArray(value) ? value : []).map((bound: unknown) =>
      isJsonObject(bound) && bound['__float__'] === 'Infinity' ? Infinity : bound,
    );
    if (!Number.isFinite(low) || typeof high !== 'number' || !((low as number) <= high)) {
      return this.#fail(l10n.t`has no proper ${key}: ${JSON.stringify(value)}`);
    }
    return [low as number, high];
  }

  /** A flag; `null` is off, as what is not true in Python. */
  flag(key: string, fallback: boolean): boolean {
    const value = this.isNull(key) ? false : (this.#get(key) ?? fallback);
    return typeof value === 'boolean' ? value : this.#fail(l10n.t`has no proper ${key}: ${JSON.stringify(value)}`);
  }

  /** A flag that some configs give as a number: any but 0 stands for yes. */
  truth(key: string, fallback: boolean): boolean {
    return typeof this.#get(key) === 'number' ? this.number(key) !== 0 : this.flag(key, fallback);
  }

  /** One of the given words; anything else is refused by name. */
  oneOf<T extends string>(key: string, known: readonly T[], fallback: T): T {
    const value = this.#get(key) ?? fallback;
    const match = known.find((word) => word === value);
    return match ?? this.#fail(l10n.t`asks for ${key} ${JSON.stringify(value)}, which is not supported yet`);
  }

  /** The object under a key, to be read in turn; an empty one when absent. */
  section(key: string): ConfigReader {
    const value = this.#get(key) ?? {};
    if (!isJsonObject(value)) return this.#fail(l10n.t`has no proper ${key}`);
    const section = this.#sections.get(key) ?? new ConfigReader(value);
    this.#sections.set(key, section);
    return section;
  }

  /** Refuses the model because of what the config says. */
  refuse(what: string): never {
    return this.#fail(what);
  }

  #get(key: string): unknown {
    this.#read.add(key);
    return this.#config[key];
  }

  #whole(names: string | readonly string[], fallback: number | undefined, most: number): number {
    const [key, value] = this.#find(names);
    if (value === undefined) return fallback ?? this.#fail(l10n.t`has no ${key}`);
    return this.#checkWhole(key, value, most);
  }

  #checkWhole(key: string, value: unknown, most: number): number {
    if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > most) {
      return this.#fail(l10n.t`has no proper ${key}: ${JSON.stringify(value)}`);
    }
    return value as number;
  }

  #find(names: string | readonly string[]): [key: string, value: unknown] {
    const all = typeof names === 'string' ? [names] : names;
    const given = all.filter((name) => this.has(name));
    const key = given[0] ?? all[0]!;
    const value = this.#get(key) ?? undefined;
    const other = given.find((name) => JSON.stringify(this.#get(name)) !== JSON.stringify(value));
    if (other !== undefined) {
      this.#fail(l10n.t`has ${key} ${JSON.stringify(value)}, but ${other} ${JSON.stringify(this.#get(other))}`);
    }
    return [key, value];
  }

  #fail(what: string): never {
    throw new UserError('config-invalid', l10n.t`The model's config.json ${what}.`);
  }
}

/** Whether graphs can have it: a larger number is infinite in float32. */
function isFloat32(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(Math.fround(value));
}
