import { EventEmitter, type Event, type Memento } from 'vscode';
import * as v from 'valibot';
import type { LayerShape } from '../protocol/trace.ts';
import { TINTS, type PaletteName, type Tint } from '../protocol/webview.ts';
import { Choice } from './choice.ts';
import { Disposables } from './disposables.ts';
import { layerPosition } from './layerPosition.ts';
import type { Settings } from './settings.ts';

/** Through what every text of this window is looked at: layer, tint, palette. */
export class Lens {
  readonly #settings: Settings;
  readonly #layer: Choice<number>;
  readonly #tint: Choice<Tint>;
  readonly #disposables = new Disposables();
  readonly #changed = this.#disposables.add(new EventEmitter<void>());
  readonly onDidChange: Event<void> = this.#changed.event;

  constructor(settings: Settings, memento: Memento) {
    this.#settings = settings;
    this.#layer = new Choice(memento, 'layer', v.pipe(v.number(), v.integer(), v.minValue(0)), () => settings.layer);
    this.#tint = new Choice(memento, 'tint', v.picklist(TINTS), () => settings.tint);
    this.#disposables.add(
      settings.onDidChange(() => {
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

  dispose(): void {
    this.#disposables.dispose();
  }
}
