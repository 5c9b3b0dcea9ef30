/** Sizes a canvas to CSS pixels at the screen's own resolution; the context draws in CSS pixels. */
export function fitCanvas(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = devicePixelRatio;
  const deviceWidth = Math.round(width * ratio);
  const deviceHeight = Math.round(height * ratio);
  if (canvas.width !== deviceWidth || canvas.height !== deviceHeight) {
    canvas.width = deviceWidth;
    canvas.height = deviceHeight;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext('2d')!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/** Calls back when the window comes to a screen of another pixel density: no ResizeObserver hears of that alone. */
export class DensityWatch {
  readonly #changed: () => void;
  #query: MediaQueryList | undefined;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  start(): void {
    this.#query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    this.#query.addEventListener('change', this.#left, { once: true });
  }

  stop(): void {
    this.#query?.removeEventListener('change', this.#left);
  }

  readonly #left = (): void => {
    this.start();
    this.#changed();
  };
}

/** Calls back at most once a frame, however often it is asked. */
export class FrameSchedule {
  readonly #draw: () => void;
  #asked = 0;

  constructor(draw: () => void) {
    this.#draw = draw;
  }

  ask(): void {
    this.#asked ||= requestAnimationFrame(() => {
      this.#asked = 0;
      this.#draw();
    });
  }

  cancel(): void {
    cancelAnimationFrame(this.#asked);
    this.#asked = 0;
  }
}
