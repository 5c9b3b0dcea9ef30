import type { DecorationRenderOptions } from 'vscode';
import { expertColor, magnitudeColor, type ThemeKind } from '../analysis/palette.ts';
import type { PaletteName } from '../protocol/webview.ts';
import { MAGNITUDE_STEPS, type Emphasis, type TintStyle } from './tinting.ts';

interface Strength {
  /** Opacity of the fill and of the underline, 0 to 1. */
  readonly fill: number;
  readonly line: number;
  readonly lineStyle: 'solid' | 'dotted';
}

/** Faint enough that syntax colours keep their contrast; the underline carries the colour. */
const STRENGTHS: Record<Emphasis, Strength> = {
  normal: { fill: 0.2, line: 0.95, lineStyle: 'solid' },
  strong: { fill: 0.48, line: 1, lineStyle: 'solid' },
  back: { fill: 0, line: 0.3, lineStyle: 'solid' },
  stale: { fill: 0, line: 0.4, lineStyle: 'dotted' },
};

/**
 * Fill and underline are drawn in the layer behind the text (background and border, not text-decoration): the text's own
 * spans stay as they are, which keeps syntax colours and costs no new layout of lines.
 */
export function tintDecoration(style: TintStyle, palette: PaletteName, theme: ThemeKind): DecorationRenderOptions {
  const strength = STRENGTHS[style.emphasis];
  const expert = style.scale === 'expert';
  const color = expert
    ? expertColor(style.index, palette, theme)
    : magnitudeColor((style.index + 0.5) / MAGNITUDE_STEPS, theme);
  // How much is told by the fill alone, so it is given twice the strength.
  const fill = strength.fill * (expert ? 1 : 2);
  return {
    ...(fill > 0 && { backgroundColor: withAlpha(color, fill) }),
    borderColor: withAlpha(color, strength.line),
    borderStyle: strength.lineStyle,
    borderWidth: '0 0 2px 0',
  };
}

/** Marks where a context window starts: nothing before it is seen by what follows. */
export function windowDecoration(): DecorationRenderOptions {
  return { borderWidth: '0 0 0 2px', borderStyle: 'dashed' };
}

/** Outlines a token that another run routed or foresaw otherwise; tint and syntax colours stay. */
export function outlineDecoration(outlineStyle: 'solid' | 'dotted' = 'solid'): DecorationRenderOptions {
  return { outlineStyle, outlineWidth: '1px' };
}

/** #rrggbb and an opacity of 0 to 1 as #rrggbbaa. */
export function withAlpha(color: string, opacity: number): string {
  const alpha = Math.round(opacity * 255);
  return color + alpha.toString(16).padStart(2, '0');
}
