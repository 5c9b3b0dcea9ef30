import { EventEmitter, type Event, type Memento } from 'vscode';
import * as v from 'valibot';
import { CAPACITY_POLICIES, type CapacityLimit } from '../protocol/intervention.ts';
import type { LayerShape } from '../protocol/trace.ts';
import { TINTS, type PaletteName, type Tint } from '../protocol/webview.ts';
import { Choice } from './choice.ts';
import { Disposables } from './disposables.ts';
import { layerPosition } from './layerPosition.ts';
import type { Settings } from './settings.ts';

const LIMIT_KEY = 'limit';
const limitSchema = v.object({ factor: v.pipe(v.number(), v.minValue(0)), policy: v.picklist(CAPACITY_POLICIES) });
/** In the middle of what is common in practice. */
const COMMON_LIMIT: CapacityLimit = { factor: 1.2, policy: 'position' };

/** Through what every text of this window is looked at: layer, tint, capacity limit, palette. */
export class Lens {
  readonly #settings: Settings;
  readonly #layer: Choice<number>;
  readonly #tint: Choice<Tint>;
  readonly #memento: Memento;
  readonly #disposables = new Disposables();
  readonly #changed = this.#disposables.add(new EventEmitter<void>());
  #limit = COMMON_LIMIT;
  readonly onDidChange: Event<void> = this.#changed.event;

  constructor(settings: Settings, memento: Memento) {
    this.#settings = settings;
    this.#memento = memento;
    this.#layer = new Choice(memento, 'layer', v.pipe(v.number(), v.integer(), v.minValue(0)), () => settings.layer);
    this.#tint = new Choice(memento, 'tint', v.picklist(TINTS), () => settings.tint);
    this.#disposables.add(
      settings.onDidChange(() => {
        this.#layer.heedSetting();
        this.#tint.heedSetting();
        this.#changed.fire();
      }),
    );
  }

  get tint(): Tint {
    return this.#tint.value ?? this.#settings.tint;
  }

  get palette(): PaletteName {
    return this.#settings.colors;
  }

  /** Position of the chosen layer among these MoE layers. */
  layerOf(layers: readonly Pick<LayerShape, 'layer'>[]): number {
    return layerPosition(layers, this.#layer.value, this.#settings.layer);
  }

  async chooseLayer(position: number): Promise<void> {
    await this.#layer.set(position);
    this.#changed.fire();
  }

  async chooseTint(tint: Tint): Promise<void> {
    await this.#tint.set(tint);
    this.#changed.fire();
  }

  /** The capacity limit that the tint `dropped` shows; the same object until it changes. */
  get limit(): CapacityLimit {
    const kept = v.safeParse(limitSchema, this.#memento.get(LIMIT_KEY));
    if (!kept.success) return COMMON_LIMIT;
    const { factor, policy } = kept.output;
    if (this.#limit.factor !== factor || this.#limit.policy !== policy) this.#limit = kept.output;
    return this.#limit;
  }

  async chooseLimit({ factor, policy }: CapacityLimit): Promise<void> {
    const { limit } = this;
    if (limit.factor === factor && limit.policy === policy) return;
    await this.#memento.update(LIMIT_KEY, { factor, policy });
    this.#changed.fire();
  }

  dispose(): void {
    this.#disposables.dispose();
  }
}
