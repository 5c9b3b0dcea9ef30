/** Opens a built view in Chromium as VS Code would: its theme's variables, its policy, a host that answers. */
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import type { run } from 'axe-core';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import type { WebviewEntry } from '../../extension/host/webviewHtml.ts';
import { webviewPolicy } from '../../extension/host/webviewPolicy.ts';
import type {
  FromLoadView,
  FromMap,
  FromModelPage,
  FromReportPage,
  ModelPageState,
  ViewState,
  WrittenText,
} from '../../extension/protocol/webview.ts';
import type { FakeHost } from './fakeHost.ts';
import type { Section } from '../../extension/protocol/report.ts';
import type { TracedText } from './demoTrace.ts';
import type { Size } from './syntheticTrace.ts';
import { THEMES, type TestTheme, type ThemeName } from './themes.ts';

declare global {
  // Of the script that `violations` runs.
  const axe: { readonly run: typeof run };
  interface Window {
    fakeHost: FakeHost;
  }
}

const ROOT = new URL('../../', import.meta.url);
const CODICONS = new URL('node_modules/@vscode/codicons/dist/', ROOT);
const ORIGIN = 'https://view.test/';
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.ttf': 'font/ttf',
};
/** Run in the page by the debugger, which its policy does not bind. */
const AXE = readFileSync(new URL('node_modules/axe-core/axe.min.js', ROOT), 'utf8');
const NONCE = 'test';
/** Hash of nothing: the toolkit tries an empty style element to learn whether `:focus-visible` is known. */
const EMPTY_STYLE = 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';
/** As the host sets it. */
const POLICY = webviewPolicy(NONCE, ORIGIN);

export interface ViewOptions {
  readonly theme?: ThemeName;
  readonly width?: number;
  readonly height?: number;
  /** CSS pixels per device pixel. */
  readonly scale?: number;
  readonly forcedColors?: boolean;
  /** What English sentences are in the language that the view speaks. */
  readonly translations?: Readonly<Record<string, string>>;
  /** Of the system; without it that of the theme, which VS Code hands on. */
  readonly colorScheme?: 'light' | 'dark';
  readonly reducedMotion?: boolean;
}

export class View {
  readonly page: Page;
  /** What the page wrote to its console as a warning or an error, and what it threw. */
  readonly complaints: string[] = [];

  constructor(page: Page) {
    this.page = page;
    page.on('console', (message) => {
      const complains = ['warning', 'error'].includes(message.type());
      if (complains && !message.text().includes(EMPTY_STYLE)) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(String(error)));
  }

  async show({ trace, text }: TracedText, change: Partial<ViewState> = {}): Promise<void> {
    await this.page.evaluate(
      ([t, x, c]) => {
        window.fakeHost.show(t, x, c);
      },
      [trace, text, change] as const,
    );
    await this.settle();
  }

  async showSynthetic(size: Size, change: Partial<ViewState> = {}): Promise<void> {
    await this.page.evaluate(
      ([s, c]) => {
        window.fakeHost.showSynthetic(s, c);
      },
      [size, change] as const,
    );
    await this.settle();
  }

  async showModel(page: ModelPageState, tensors = 0): Promise<void> {
    await this.page.evaluate(
      ([p, t]) => {
        window.fakeHost.showModel(p, t);
      },
      [page, tensors] as const,
    );
    await this.settle();
  }

  async showReport(sections?: readonly Section[]): Promise<void> {
    await this.page.evaluate((s) => {
      window.fakeHost.showReport(s);
    }, sections);
    await this.settle();
  }

  async update(change: Partial<ViewState>): Promise<void> {
    await this.page.evaluate((c) => {
      window.fakeHost.update(c);
    }, change);
    await this.settle();
  }

  async cursor(token: number | undefined): Promise<void> {
    await this.page.evaluate((t) => {
      window.fakeHost.cursor(t);
    }, token);
    await this.settle();
  }

  async written(
    { document = 'router.ts', ...rest }: Omit<WrittenText, 'document'> & { document?: string },
    from = 0,
  ): Promise<void> {
    const written: WrittenText = { document, ...rest };
    await this.page.evaluate(
      ([w, f]) => {
        window.fakeHost.written(w, f);
      },
      [written, from] as const,
    );
    await this.settle();
  }

  async reveal(token: number, select: boolean): Promise<void> {
    await this.page.evaluate(
      ([t, s]) => {
        window.fakeHost.reveal(t, s);
      },
      [token, select] as const,
    );
    await this.settle();
  }

  /** What the view has sent so far. */
  received(): Promise<(FromLoadView | FromMap | FromModelPage | FromReportPage)[]> {
    return this.page.evaluate(() => window.fakeHost.received);
  }

  async forgetReceived(): Promise<void> {
    await this.page.evaluate(() => {
      window.fakeHost.received.length = 0;
    });
  }

  violations(of?: 'colours'): Promise<string[]> {
    return violationsOf(this.page, of);
  }

  /** Until a frame has been drawn. */
  frame(): Promise<void> {
    return this.page.evaluate(
      () =>
        new Promise<void>((resolve) =>
          requestAnimationFrame(() => {
            resolve();
          }),
        ),
    );
  }

  /** Until messages have been taken and two frames drawn. */
  async settle(): Promise<void> {
    await this.page.evaluate(
      () =>
        new Promise<void>((resolve) => {
          setTimeout(
            () =>
              requestAnimationFrame(() =>
                requestAnimationFrame(() => {
                  resolve();
                }),
              ),
            20,
          );
        }),
    );
  }
}

/**
 * Pictures of a canvas before and after the browser's graphics process restarts, when a laptop has slept, say: pixels and
 * transformation of a canvas are gone then, and it is told that there is a new one.
 */
export async function afterLoss(view: View, selector: string): Promise<{ before: string; after: string }> {
  const canvas = view.page.locator(selector);
  const before = await canvas.evaluate((element: HTMLCanvasElement) => {
    const picture = element.toDataURL();
    element.getContext('2d')!.reset();
    element.dispatchEvent(new Event('contextrestored'));
    return picture;
  });
  await view.settle();
  return { before, after: await canvas.evaluate((element: HTMLCanvasElement) => element.toDataURL()) };
}

/** The window moves to a screen of so many device pixels per CSS pixel, where it may be of another height. */
export async function toDensity(view: View, deviceScaleFactor: number, taller = 0): Promise<void> {
  const { page } = view;
  const { width, height } = page.viewportSize()!;
  const session = await page.context().newCDPSession(page);
  const screen = { width, height: height + taller, deviceScaleFactor, mobile: false };
  await session.send('Emulation.setDeviceMetricsOverride', screen);
  await view.settle();
}

/**
 * What axe-core finds wrong for people who see little, or who do not see or point: a line each.
 *
 * @param of only what depends on colours, for a page whose other things have been looked at in other ones
 */
export async function violationsOf(page: Page, of?: 'colours'): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async (only) => {
    const { violations } = await axe.run(document, {
      resultTypes: ['violations'],
      ...(only === 'colours' ? { runOnly: ['color-contrast', 'link-in-text-block'] } : {}),
    });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
  }, of);
}

export async function openView(browser: Browser, name: WebviewEntry, options: ViewOptions = {}): Promise<View> {
  const theme = THEMES[options.theme ?? 'dark'];
  const page = await browser.newPage({
    viewport: { width: options.width ?? 300, height: options.height ?? 900 },
    deviceScaleFactor: options.scale ?? 1,
    forcedColors: options.forcedColors ? 'active' : 'none',
    colorScheme: options.colorScheme ?? (theme.bodyClass.includes('light') ? 'light' : 'dark'),
    reducedMotion: options.reducedMotion ? 'reduce' : 'no-preference',
  });
  const view = new View(page);
  const served = await files();
  await page.route(`${ORIGIN}**`, (route) => {
    const file = new URL(route.request().url()).pathname.slice(1);
    if (file === '') {
      const headers = { 'content-security-policy': POLICY };
      return route.fulfill({ contentType: 'text/html', body: documentFor(name, theme, options), headers });
    }
    if (file === 'l10n.js') {
      const body = `globalThis.moescopeTranslations = ${JSON.stringify(options.translations)};`;
      return route.fulfill({ contentType: 'text/javascript', body });
    }
    if (file === 'theme.css') return route.fulfill({ contentType: 'text/css', body: themeSheet(theme) });
    const contents = served.get(file);
    if (!contents) return route.fulfill({ status: 404 });
    return route.fulfill({ contentType: CONTENT_TYPES[extname(file)]!, body: Buffer.from(contents) });
  });
  await page.goto(ORIGIN);
  await view.settle();
  return view;
}

function documentFor(name: string, { bodyClass }: TestTheme, { translations }: ViewOptions): string {
  return `<!doctype html><html lang="en">
    <head><meta charset="utf-8"><title>${name}</title>
    <link rel="stylesheet" href="theme.css">
    <link rel="stylesheet" href="codicon.css"><link rel="stylesheet" href="${name}.css"></head>
    <body class="${bodyClass}">
    ${translations ? `<script nonce="${NONCE}" src="l10n.js"></script>` : ''}
    <script nonce="${NONCE}" src="fakeHost.js"></script>
    <script nonce="${NONCE}" src="${name}.js"></script></body></html>`;
}

function themeSheet({ variables }: TestTheme): string {
  const declarations = Object.entries(variables).map(([name, value]) => `--vscode-${name}: ${value};`);
  return `:root { ${declarations.join(' ')} } html { background: var(--vscode-sideBar-background); }`;
}

type Files = ReadonlyMap<string, Uint8Array>;
let built: Promise<Files> | undefined;

/** The views and the fake host as their sources stand now, kept in memory: no test runs against an old bundle. */
function files(): Promise<Files> {
  built ??= build({
    entryPoints: {
      load: new URL('webview/load.ts', ROOT).pathname,
      map: new URL('webview/map.ts', ROOT).pathname,
      model: new URL('webview/model.ts', ROOT).pathname,
      report: new URL('webview/report.ts', ROOT).pathname,
      fakeHost: new URL('fakeHost.ts', import.meta.url).pathname,
    },
    outdir: '/',
    write: false,
    bundle: true,
    format: 'iife',
    target: 'chrome128',
    tsconfig: new URL('webview/tsconfig.json', ROOT).pathname,
  }).then(({ outputFiles }) => {
    const all = new Map(outputFiles.map((file) => [file.path.slice(1), file.contents]));
    for (const name of ['codicon.css', 'codicon.ttf']) all.set(name, readFileSync(new URL(name, CODICONS)));
    return all;
  });
  return built;
}
