/** Drives a real VS Code (the server of extension/tools/vscode) in a headless Chromium, in the words of a user. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Browser, Frame, Locator, Page } from 'playwright-core';
import { root } from '../../extension/tools/project.mjs';
import { serve } from '../../extension/tools/vscode/serve.mjs';
import type { Server } from '../../extension/tools/vscode/serve.mjs';
import { launchBrowser } from '../support/browser.ts';
import { undrawnViews } from '../support/drawnViews.ts';
import { poll } from '../support/poll.ts';

const output = join(root, 'test/output');
/** VS Code takes the toast of a notification without buttons away after some ten seconds. */
const TOAST_MS = 8000;
const themes = { dark: 'Dark 2026', light: 'Light 2026' };

/** Keeps what is seen the same from run to run, and the machine to the extension alone. */
const steady = {
  'workbench.reduceMotion': 'on',
  'window.commandCenter': false,
  'editor.hover.delay': 100,
  'git.enabled': false,
};

export interface LaunchOptions {
  /** A .vsix, or a folder to use in place; without it VS Code is as it comes. */
  readonly extension?: string;
  /** Folder to open; it is copied, so that what a test types does not reach the original. */
  readonly folder: string;
  /** File in the folder that is open at the start. */
  readonly file: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Without it the window is in restricted mode. */
  readonly trusted?: boolean;
  /** Port at which the extension host is to listen for a debugger. */
  readonly inspect?: number;
  /** Language of the window, as zh-cn. */
  readonly locale?: string;
}

/** A stretch of a line that an extension has decorated. */
export interface Decoration {
  readonly text: string;
  /** Colour behind the text, as CSS computes it; transparent where there is none. */
  readonly background: string;
}

export class Workbench {
  private constructor(
    readonly page: Page,
    private readonly browser: Browser,
    private readonly server: Server,
    /** Folder that is open. */
    readonly folder: string,
    /** Name of the file that was opened last: the one that questions about the text editor mean. */
    private file: string,
  ) {}

  static async launch({
    extension,
    folder,
    file,
    settings,
    trusted = true,
    inspect,
    locale,
  }: LaunchOptions): Promise<Workbench> {
    const all = { ...steady, 'workbench.colorTheme': themes.dark, ...settings };
    const server = await serve({
      settings: all,
      trusted,
      ...(extension ? { extension } : {}),
      ...(inspect ? { inspect } : {}),
      ...(locale ? { locale } : {}),
    });
    let browser: Browser | undefined;
    try {
      browser = await launchBrowser();
      const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
      const copy = join(server.home, basename(folder));
      cpSync(folder, copy, { recursive: true });
      const workbench = new Workbench(page, browser, server, copy, file);
      await page.goto(server.url(copy, join(copy, file)));
      await workbench.lines().first().waitFor({ timeout: 60_000 });
      return workbench;
    } catch (error) {
      await end(browser, server);
      throw error;
    }
  }

  async close(): Promise<void> {
    await end(this.browser, this.server);
  }

  /** Opens a file of the folder through quick open. */
  async open(file: string): Promise<void> {
    await this.choose(file);
    this.file = basename(file);
    await this.lines().first().waitFor();
  }

  /** The same of a file that no text editor opens. */
  async choose(file: string): Promise<void> {
    await this.ask('ControlOrMeta+P', file);
    await this.pick(basename(file));
  }

  /** The text editor within a part of the window. */
  editorIn(part: string): Locator {
    return this.page.locator(part).locator('.monaco-editor[data-uri]');
  }

  /** Runs a command through the palette, by the text that stands there. */
  async runCommand(title: string): Promise<void> {
    await this.openPalette(title);
    await this.pick(title);
  }

  /** What the palette offers for a text. */
  async commandsLike(title: string): Promise<string[]> {
    await this.openPalette(title);
    const texts = await this.quickRows().allInnerTexts();
    await this.page.keyboard.press('Escape');
    return texts.map((text) => text.split('\n')[0]!);
  }

  /** Chooses the row of an open quick pick that contains a text. */
  async pick(text: string): Promise<void> {
    await this.quickRows().filter({ hasText: text }).first().click();
  }

  /**
   * Waits until the quick input holds a text, as a dialog for a place does, and accepts it.
   *
   * @param instead what to put in its place first
   */
  async accept(text: string, instead?: string): Promise<void> {
    const input = this.page.locator('.quick-input-widget input').first();
    await poll(`a quick input with ${text}`, async () =>
      (await input.inputValue()).includes(text) ? true : undefined,
    );
    if (instead !== undefined) await input.fill(instead);
    await this.page.keyboard.press('Enter');
  }

  /** Texts of the rows that an open quick pick shows. */
  async offered(): Promise<string> {
    return (await this.quickRows().allInnerTexts()).join('\n');
  }

  /**
   * Waits for a notification that contains a text, and returns the whole of it. One whose toast has gone by itself, or that
   * VS Code has shown none for, is looked up where a user would: in the notification center.
   */
  async notification(text: string | RegExp): Promise<string> {
    const message = this.page.locator('.notification-list-item-message').filter({ hasText: text }).first();
    const toast = await message.innerText({ timeout: TOAST_MS }).catch(() => undefined);
    if (toast !== undefined) return toast;
    await this.runCommand('Notifications: Show Notifications');
    return message.innerText();
  }

  /** The errors that are being shown. */
  async problems(): Promise<string[]> {
    return this.page
      .locator('.notification-list-item', { has: this.page.locator('.codicon-error') })
      .locator('.notification-list-item-message')
      .allInnerTexts();
  }

  async dismissNotifications(): Promise<void> {
    await this.runCommand('Notifications: Clear All Notifications');
  }

  /** Waits until the text has its tints. */
  async tinted(): Promise<void> {
    await poll('tints', async () => ((await this.decorations()).length > 0 ? true : undefined), 60);
  }

  /** What extensions have decorated among the visible lines of the text editor, or of another one, in reading order. */
  async decorations(of = this.editor()): Promise<Decoration[]> {
    return of.evaluate((editor) => {
      const characters = [...editor.querySelectorAll('.view-line')].flatMap((line) => {
        const found: { text: string; x: number; y: number }[] = [];
        const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
          const range = document.createRange();
          // The editor draws spaces as no-break spaces.
          const text = node.textContent!.replaceAll('\u00a0', ' ');
          for (let i = 0; i < text.length; i++) {
            range.setStart(node, i);
            range.setEnd(node, i + 1);
            const { x, y, width, height } = range.getBoundingClientRect();
            found.push({ text: text.charAt(i), x: x + width / 2, y: y + height / 2 });
          }
        }
        return found;
      });
      const drawn = [...editor.querySelectorAll('.view-overlays [class*="ced-"]')].map((element) => {
        const rectangle = element.getBoundingClientRect();
        const { left, right, top, bottom } = rectangle;
        const inside = characters.filter(({ x, y }) => x > left && x < right && y > top && y < bottom);
        const text = inside.map((character) => character.text).join('');
        return { text, background: getComputedStyle(element).backgroundColor, left, top };
      });
      drawn.sort((a, b) => a.top - b.top || a.left - b.left);
      return drawn.map(({ text, background }) => ({ text, background }));
    });
  }

  /** How many stretches of the visible lines an extension has outlined. */
  async outlined(): Promise<number> {
    return this.editor().evaluate(
      (editor) =>
        [...editor.querySelectorAll('.view-overlays [class*="ced-"]')].filter(
          (element) => getComputedStyle(element).outlineStyle === 'solid',
        ).length,
    );
  }

  /** Points at the n-th occurrence of a word among the visible lines and returns what the hover says. */
  async hoverText(word: string, occurrence = 0, of = this.editor()): Promise<string> {
    const { x, y } = await this.locate(word, occurrence, of);
    await this.page.mouse.move(0, 0);
    await this.page.mouse.move(x - 1, y);
    await this.page.mouse.move(x, y, { steps: 3 });
    const hover = this.page.locator('.monaco-hover:not(.hidden) .hover-contents');
    return poll('the hover', async () => {
      const text = (await hover.allInnerTexts()).join('\n');
      return text === '' || text.includes('Loading...') ? undefined : text;
    });
  }

  /** Takes the pointer off everything, which ends a hover. */
  async pointAway(): Promise<void> {
    await this.page.mouse.move(0, 0);
    await this.page.locator('.monaco-hover:not(.hidden)').waitFor({ state: 'hidden' });
  }

  async typeText(text: string): Promise<void> {
    await this.page.keyboard.type(text);
  }

  /** Puts the cursor into the text editor, at a line and column counted from 1. */
  async cursorTo(line: number, column: number): Promise<void> {
    await this.ask('Control+G', `:${line}:${column}`);
    await this.page.keyboard.press('Enter');
    await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  }

  /** Text of the extension's status bar item; empty while it has none. */
  async statusText(): Promise<string> {
    return (await this.page.locator('.statusbar-item[id^="moescope"]').allInnerTexts()).join(' ').trim();
  }

  /** Loads the window anew; the extension starts anew with it. Tabs come back as they were. */
  async reload(): Promise<void> {
    // With an address that names a file, VS Code opens that alone.
    await this.page.evaluate((address) => {
      history.replaceState(null, '', address);
    }, this.server.url(this.folder));
    const loaded = this.page.waitForEvent('load', { timeout: 60_000 });
    await this.runCommand('Developer: Reload Window');
    await loaded;
    await this.lines().first().waitFor({ timeout: 60_000 });
  }

  /** Brings a tab forward that is open. */
  async showTab(name: string): Promise<void> {
    await this.page.locator('.tabs-container .tab', { hasText: name }).first().click();
  }

  /** Opens a view container of the activity bar. */
  async openView(name: string): Promise<void> {
    await this.page.locator(`.activitybar .action-label[aria-label^="${name}"]`).click();
  }

  /** The document of the webview that contains a selector; several webviews may be open. */
  async webview(selector: string): Promise<Frame> {
    return poll(`a webview with ${selector}`, async () => {
      for (const frame of this.page.frames().slice(1)) {
        // A webview that another one takes the place of goes away under the question.
        const found = await frame
          .locator(selector)
          .count()
          .catch(() => 0);
        if (found > 0) return frame;
      }
      return undefined;
    });
  }

  async setTheme(theme: keyof typeof themes): Promise<void> {
    await this.runCommand('Preferences: Color Theme');
    await this.pick(themes[theme]);
    await this.page.locator(`.monaco-workbench.${theme === 'dark' ? 'vs-dark' : 'vs'}`).waitFor();
  }

  /** Times that VS Code says the activation of extensions took: loading their code and running `activate`. */
  async activationMilliseconds(...extensions: string[]): Promise<number[]> {
    await this.runCommand('Developer: Show Running Extensions');
    const rows = this.page.locator('.runtime-extensions-editor .monaco-list-row');
    return Promise.all(
      extensions.map((extension) => {
        const name = this.page.locator('.name', { hasText: new RegExp(`^${extension}$`) });
        return poll(`the activation time of ${extension}`, async () => {
          const found = /Activation: (\d+)ms/.exec(
            await rows.filter({ has: name }).locator('.activation-time').innerText(),
          );
          return found ? Number(found[1]) : undefined;
        });
      }),
    );
  }

  /** Waits until every view in sight is drawn, and keeps what is seen. */
  async screenshot(name: string): Promise<void> {
    let left: string[] = [];
    await poll('the views', async () => {
      left = await undrawnViews(this.page);
      return left.length === 0 || undefined;
    }).catch(() => {
      throw new Error(`Not drawn: ${left.join('; ')}`);
    });
    await this.keepPicture(name);
  }

  /** Keeps what is seen under test/output. */
  async keepPicture(name: string): Promise<void> {
    mkdirSync(output, { recursive: true });
    await this.page.screenshot({ path: join(output, `${name}.png`) });
  }

  /** Log of the extension host, and of every extension's own channel in it. Throws where that does not tell of MoEScope's start. */
  log(): string {
    const folder = join(this.server.home, 'user/logs');
    const text = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.includes('exthost') && path.endsWith('.log'))
      .map((path) => readFileSync(join(folder, path), 'utf8'))
      .join('\n');
    if (!text.includes('_doActivateExtension moescope.moescope')) throw new Error(`no log of MoEScope in ${folder}`);
    return text;
  }

  /** Kills the engine process as the operating system would when memory runs out. */
  killEngine(): void {
    const pid = processOf(`${this.server.home}.*engine\\.js`);
    if (pid === undefined) throw new Error('no engine runs');
    process.kill(pid, 'SIGKILL');
  }

  /** Has the extension host listen for a debugger, at the port that `launch` was given; waits until it runs, which may be after the editor. */
  async inspectExtensionHost(port: number): Promise<void> {
    const host = `--inspect-port=${port} .*--type=extensionHost`;
    process.kill(await poll('the extension host', () => Promise.resolve(processOf(host))), 'SIGUSR1');
  }

  logErrors(): string[] {
    return (
      this.log()
        .split('\n')
        // A window that is loaded anew finds the lock that VS Code's host before it has left.
        .filter((line) => line.includes('[error]') && !/EEXIST.*vscode\.lock/.test(line))
    );
  }

  private editor(): Locator {
    return this.page.locator(`.editor-instance .monaco-editor[data-uri$="/${encodeURI(this.file)}"]`);
  }

  private lines(): Locator {
    return this.editor().locator('.view-line');
  }

  private quickRows(): Locator {
    return this.page.locator('.quick-input-list .monaco-list-row');
  }

  /** Opens the palette on a command; again and again, since commands of extensions come some time after the window. */
  private async openPalette(title: string): Promise<void> {
    await poll(`the command ${title}`, async () => {
      await this.ask('F1', `>${title}`);
      const offered = this.quickRows().filter({ hasText: title, visible: true });
      const isThere = await offered
        .first()
        .waitFor({ timeout: 2000 })
        .then(
          () => true,
          () => undefined,
        );
      if (!isThere) await this.page.keyboard.press('Escape');
      return isThere;
    });
  }

  /**
   * Opens the quick input by a key and types into it; once more where a webview that is loading has swallowed the key, or
   * the input has closed again because something else took the focus.
   */
  private async ask(key: string, text: string): Promise<void> {
    const input = this.page.locator('.quick-input-widget input').first();
    await poll('the quick input', async () => {
      await this.page.keyboard.press(key);
      return input.fill(text, { timeout: 2000 }).then(
        () => true,
        () => undefined,
      );
    });
  }

  private async locate(word: string, occurrence: number, editor: Locator): Promise<{ x: number; y: number }> {
    const found = await editor.locator('.view-lines').evaluate(
      (lines, wanted) => {
        let left = wanted.occurrence;
        const walker = document.createTreeWalker(lines, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
          // The editor draws spaces as no-break spaces.
          const text = (node.textContent ?? '').replaceAll('\u00a0', ' ');
          for (let at = text.indexOf(wanted.word); at >= 0; at = text.indexOf(wanted.word, at + 1)) {
            if (left-- > 0) continue;
            const range = document.createRange();
            range.setStart(node, at);
            range.setEnd(node, at + wanted.word.length);
            const { x, y, width, height } = range.getBoundingClientRect();
            return { x: x + width / 2, y: y + height / 2 };
          }
        }
        return undefined;
      },
      { word, occurrence },
    );
    if (!found) throw new Error(`"${word}" is not among the visible lines`);
    return found;
  }
}

/** The server is a process group of its own: nothing else would end it. */
async function end(browser: Browser | undefined, server: Server): Promise<void> {
  try {
    await browser?.close();
  } finally {
    await server.dispose();
  }
}

/** Process whose command line has what the expression says. */
function processOf(command: string): number | undefined {
  const processes = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' });
  const [, pid] = new RegExp(`^ *(\\d+) .*${command}`, 'm').exec(processes) ?? [];
  return pid === undefined ? undefined : Number(pid);
}
