/**
 * Colours of experts and of magnitudes, the same in the editor, the load view, the map and the hover. Computed in OKLCH
 * (Ottosson 2020), where equal steps look equal, so that neighbouring experts differ in hue and in lightness alike.
 */
import type { PaletteName } from '../protocol/webview.ts';

export type ThemeKind = 'light' | 'dark' | 'highContrast' | 'highContrastLight';

/** Okabe and Ito's hues, which people with any colour blindness tell apart; as OKLCH hue and chroma. */
const OKABE_ITO: readonly (readonly [hue: number, chroma: number, lift: number])[] = [
  [72, 0.16, 0.06],
  [236, 0.13, 0.08],
  [166, 0.14, -0.02],
  [104, 0.17, 0.12],
  [251, 0.15, -0.08],
  [46, 0.17, -0.04],
  [347, 0.13, 0.04],
];

/** Successive multiples of the golden angle never come close for long: any number of experts gets spread hues. */
const GOLDEN_ANGLE = 137.508;

/** Colour of an expert as #rrggbb: depends on its index alone, so it stays the same from run to run. */
export function expertColor(expert: number, palette: PaletteName, theme: ThemeKind): string {
  return oklch(...expertLch(expert, palette, theme));
}

/** The same hue for its name, at a lightness that text is read in: 4.5 to 1 on what themes put behind hovers. */
export function expertTextColor(expert: number, palette: PaletteName, theme: ThemeKind): string {
  const [lightness, chroma, hue] = expertLch(expert, palette, theme);
  return oklch(isDark(theme) ? Math.max(0.67, lightness) : Math.min(0.52, lightness), chroma, hue);
}

/** Whether text is light on dark. */
export function isDark(theme: ThemeKind): boolean {
  return theme === 'dark' || theme === 'highContrast';
}

function expertLch(expert: number, palette: PaletteName, theme: ThemeKind): readonly [number, number, number] {
  const dark = isDark(theme);
  const strong = theme === 'highContrast' || theme === 'highContrastLight';
  const base = (dark ? 0.7 : 0.56) + (strong ? (dark ? 0.08 : -0.08) : 0);
  if (palette === 'colorBlind') {
    const [hue, chroma, lift] = OKABE_ITO[expert % OKABE_ITO.length]!;
    const ring = Math.floor(expert / OKABE_ITO.length) % 3;
    return [base + lift + [0, -0.14, 0.12][ring]!, chroma, hue];
  }
  const hue = (22 + expert * GOLDEN_ANGLE) % 360;
  const lift = [0, 0.08, -0.08][expert % 3]!;
  return [base + lift, palette === 'soft' ? 0.09 : 0.16, hue];
}

/** Colour of a magnitude in [0, 1] as #rrggbb, from barely there to strong: one hue, so that more always looks like more. */
export function magnitudeColor(value: number, theme: ThemeKind): string {
  const x = Math.min(1, Math.max(0, value));
  const dark = isDark(theme);
  return dark ? oklch(0.3 + 0.5 * x, 0.03 + 0.12 * x, 248) : oklch(0.95 - 0.5 * x, 0.02 + 0.14 * x, 252);
}

/** Colour of a deviation in [−1, 1] as #rrggbb: blue below the middle, orange above it, the middle barely there. */
export function divergingColor(value: number, theme: ThemeKind): string {
  const x = Math.min(1, Math.abs(value));
  const dark = isDark(theme);
  const hue = value < 0 ? 250 : 55;
  return dark ? oklch(0.3 + 0.48 * x, 0.01 + 0.14 * x, hue) : oklch(0.95 - 0.42 * x, 0.01 + 0.15 * x, hue);
}

/** Text colour that reads on a background of this colour: black or white, whichever has the higher WCAG contrast. */
export function textOn(background: string): '#000000' | '#ffffff' {
  const channel = (at: number): number => {
    const v = parseInt(background.slice(at, at + 2), 16) / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  };
  const luminance = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
  return (luminance + 0.05) ** 2 > 1.05 * 0.05 ? '#000000' : '#ffffff';
}

/** OKLCH to #rrggbb; chroma is lowered until the colour fits into sRGB. */
function oklch(lightness: number, chroma: number, hue: number): string {
  const l = Math.min(1, Math.max(0, lightness));
  const angle = (hue * Math.PI) / 180;
  for (let c = chroma; ; c -= 0.005) {
    const rgb = linearSrgb(l, c * Math.cos(angle), c * Math.sin(angle));
    if (c <= 0 || rgb.every((v) => v >= -1e-4 && v <= 1 + 1e-4)) return '#' + rgb.map(hex).join('');
  }
}

function linearSrgb(l: number, a: number, b: number): [number, number, number] {
  const long = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const medium = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (l - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short,
  ];
}

function hex(linear: number): string {
  const v = Math.min(1, Math.max(0, linear));
  const encoded = v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055;
  return Math.round(encoded * 255)
    .toString(16)
    .padStart(2, '0');
}
