/** VS Code's theme as canvases need it: resolved colours, observed for changes. */
import { expertColor, isDark, magnitudeColor, textOn, type ThemeKind } from '../extension/analysis/palette.ts';
import type { PaletteName } from '../extension/protocol/webview.ts';

export interface Theme {
  readonly kind: ThemeKind;
  readonly foreground: string;
  readonly dim: string;
  readonly background: string;
  readonly line: string;
  readonly accent: string;
  readonly selection: string;
  readonly fontFamily: string;
  readonly monospace: string;
}

export function readTheme(): Theme {
  const style = getComputedStyle(document.body);
  const background = toHex(style.getPropertyValue('--surface'));
  const color = (name: string, otherwise = '#808080'): string =>
    toHex(style.getPropertyValue(name) || otherwise, background);
  const foreground = color('--vscode-foreground');
  return {
    kind: shownKind(),
    foreground,
    background,
    dim: mix(background, foreground, isPlain() ? 1 : 0.76),
    line: mix(background, foreground, 0.14),
    accent: color('--vscode-focusBorder'),
    // High contrast themes have none: they draw outlines.
    selection: color('--vscode-list-activeSelectionBackground', mix(background, foreground, 0.2)),
    fontFamily: style.getPropertyValue('--vscode-font-family') || 'sans-serif',
    monospace: style.getPropertyValue('--vscode-editor-font-family') || 'monospace',
  };
}

const FORCED = matchMedia('(forced-colors: active)');
const DARK = matchMedia('(prefers-color-scheme: dark)');

/** Calls back when VS Code changes the theme: it rewrites the classes and the variables of the document; or when the system does. */
export function onThemeChange(changed: () => void): void {
  for (const query of [FORCED, DARK]) query.addEventListener('change', changed);
  const observer = new MutationObserver(changed);
  const options = { attributes: true, attributeFilter: ['class', 'style'] };
  observer.observe(document.body, options);
  observer.observe(document.documentElement, options);
}

export function themeKind(classes: { contains(name: string): boolean }): ThemeKind {
  if (classes.contains('vscode-high-contrast-light')) return 'highContrastLight';
  if (classes.contains('vscode-high-contrast')) return 'highContrast';
  return classes.contains('vscode-light') ? 'light' : 'dark';
}

/** The kind of the theme; where the system forces its colours and they are the other way round, of those. */
export function shownKind(): ThemeKind {
  const kind = themeKind(document.body.classList);
  if (!FORCED.matches || DARK.matches === isDark(kind)) return kind;
  return isDark(kind) ? 'highContrastLight' : 'highContrast';
}

/** Whether text has one strength only. */
function isPlain(): boolean {
  return FORCED.matches || themeKind(document.body.classList).startsWith('high');
}

/** Linear mix of two #rrggbb colours; `amount` 0 gives the first. */
export function mix(from: string, to: string, amount: number): string {
  let mixed = '#';
  for (let at = 1; at < 7; at += 2) {
    const a = parseInt(from.slice(at, at + 2), 16);
    const b = parseInt(to.slice(at, at + 2), 16);
    mixed += Math.round(a + (b - a) * amount)
      .toString(16)
      .padStart(2, '0');
  }
  return mixed;
}

let probe: CanvasRenderingContext2D | undefined;

/** Any CSS colour as #rrggbb, asked from the browser itself by painting one pixel; a translucent one as it looks on `under`. */
function toHex(color: string, under = '#808080'): string {
  probe ??= document.createElement('canvas').getContext('2d', { willReadFrequently: true })!;
  for (const layer of [under, color]) {
    probe.fillStyle = layer;
    probe.fillRect(0, 0, 1, 1);
  }
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
  return '#' + [red!, green!, blue!].map((c) => c.toString(16).padStart(2, '0')).join('');
}

/** A fill and the text colour that reads on it. */
export interface Paint {
  readonly fill: string;
  readonly text: string;
}

/** Colours of one expert in one palette and theme. */
export interface ExpertColors extends Paint {
  /** For the choices after the first, and for what steps back from a highlight. */
  readonly soft: string;
  readonly softText: string;
  readonly faint: string;
}

/** Steps of the scale of magnitudes: as many as an eye can tell apart. */
const STEPS = 64;

/** Colours of a theme for drawing thousands of cells: each is computed once. */
export class Colors {
  readonly #theme: Theme;
  readonly #palette: PaletteName;
  readonly #experts: ExpertColors[] = [];
  readonly #magnitudes: Paint[] = [];

  constructor(theme: Theme, palette: PaletteName) {
    this.#theme = theme;
    this.#palette = palette;
  }

  expert(index: number): ExpertColors {
    return (this.#experts[index] ??= this.#compute(index));
  }

  /** Colour of a magnitude from 0 to 1. */
  magnitude(value: number): Paint {
    const step = Math.round(STEPS * Math.min(1, Math.max(0, value)));
    return (this.#magnitudes[step] ??= this.#magnitude(step));
  }

  #magnitude(step: number): Paint {
    const fill = magnitudeColor(step / STEPS, this.#theme.kind);
    return { fill, text: textOn(fill) };
  }

  #compute(index: number): ExpertColors {
    const { kind, background } = this.#theme;
    const fill = expertColor(index, this.#palette, kind);
    const soft = mix(background, fill, 0.6);
    return { fill, text: textOn(fill), soft, softText: textOn(soft), faint: mix(background, fill, 0.22) };
  }
}
