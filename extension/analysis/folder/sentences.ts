/** What of a folder was routed and what was not, in words. */
import * as l10n from '@vscode/l10n';
import { isUserError } from '../../protocol/errors.ts';
import { listed } from '../lists.ts';
import { count } from '../numbers.ts';

/** As much of a run's tally as is told. */
interface Counts {
  readonly routed: number;
  readonly cut: number;
  readonly skipped: Readonly<Record<'unreadable' | 'binary' | 'large' | 'empty' | 'failed', number>>;
  readonly failures: readonly { readonly path: string; readonly why: string }[];
  readonly left: number;
  readonly tokens: number;
}

/** Of more files on which the model failed only the number is told. */
const FAILURES_TOLD = 3;

const WHY: Readonly<Record<keyof Counts['skipped'], (files: string) => string>> = {
  unreadable: (files) => l10n.t`${files} cannot be read`,
  binary: (files) => l10n.t`${files} not UTF-8 text`,
  large: (files) => l10n.t`${files} over 16 MB`,
  empty: (files) => l10n.t`${files} empty`,
  failed: (files) => l10n.t`${files} on which the model failed`,
};

const ANEW: Readonly<Record<Anew['why'], (path: string) => string>> = {
  gone: (path) => l10n.t`${path} is no longer among the files`,
  kind: (path) => l10n.t`${path} now counts as another kind of text`,
  changed: (path) => l10n.t`${path} has changed since`,
};

/** A file that an earlier run had routed and that is not as it was: `gone` from the files, of another `kind`, or `changed`. */
export interface Anew {
  readonly path: string;
  readonly why: 'gone' | 'kind' | 'changed';
}

/** What of a folder was not looked at. */
export interface Unseen {
  /** There are more files than are looked for. */
  readonly more: boolean;
  /** Folders that could not be read. */
  readonly unreadable: number;
}

/** What is told of a run over a folder. Plain data: whoever tells it does so in a language of its own. */
export interface FolderAccount {
  readonly tally: Counts;
  readonly limits: { readonly files: number; readonly characters: number };
  readonly unseen: Unseen;
  /** Files whose routing was there from an earlier run. */
  readonly resumed: number;
  /** Why an earlier run was not gone on with, where there was one. */
  readonly anew?: Anew;
  /** Whether nothing was stored in favour of an earlier run with a higher limit. */
  readonly aside: boolean;
  /** Whether the run ended before its end. */
  readonly stopped: boolean;
  readonly stored: boolean;
  /** Whether the next run will go on from here: it takes what is stored, and the same model. */
  readonly goesOn: boolean;
}

/** What a run came to, as far as it is told. */
interface Told extends Pick<FolderAccount, 'tally' | 'resumed' | 'anew'> {
  readonly aside?: boolean;
  readonly ended?: unknown;
  readonly unsaved?: unknown;
}

/** The account of a run, as what came of it says. */
export function folderAccount(
  limits: FolderAccount['limits'],
  unseen: Unseen,
  { tally, resumed, anew, aside = false, ended, unsaved }: Told,
): FolderAccount {
  const stored = unsaved === undefined;
  const goesOn = stored && !aside && !isUserError(ended, 'model-changed');
  const going = { ...(anew ? { anew } : {}), aside, stopped: ended !== undefined, stored, goesOn };
  return { tally, limits, unseen, resumed, ...going };
}

/** One sentence a line. */
export function folderSentences(account: FolderAccount): string[] {
  const { tally, limits, unseen, resumed, anew, aside, stored } = account;
  const { routed, cut, skipped, failures, left, tokens } = tally;
  const reasons = Object.entries(skipped).filter(([, n]) => n > 0);
  const why = listed(reasons.map(([reason, n]) => WHY[reason as keyof typeof WHY](count(n))));
  return [
    resumed > 0
      ? l10n.t`${files(routed)} routed, ${count(tokens)} tokens. ${count(resumed)} of them in an earlier run.`
      : l10n.t`${files(routed)} routed, ${count(tokens)} tokens.`,
    ...(anew ? [l10n.t`An earlier run was not continued, because ${ANEW[anew.why](anew.path)}.`] : []),
    ...(cut > 0 ? [l10n.t`Of ${files(cut)} only the first ${count(limits.characters)} characters were taken.`] : []),
    ...(why === '' ? [] : [l10n.t`Skipped: ${why}.`]),
    ...failures.slice(0, FAILURES_TOLD).map(({ path, why: reason }) => `${path}: ${reason}`),
    ...(left > 0 ? [leftSentence(account)] : []),
    ...unseenSentences(unseen),
    ...(aside
      ? [
          l10n.t`The results of an earlier run with a higher limit are kept, so this run is not stored; another run with this limit starts from the beginning.`,
        ]
      : []),
    ...(stored ? [] : [l10n.t`What was routed could not be stored: another run will begin anew.`]),
  ];
}

function leftSentence({ tally: { left }, limits, unseen, stopped, goesOn }: FolderAccount): string {
  if (!stopped) {
    return unseen.more
      ? l10n.t`${files(left)} more than the limit of ${count(limits.files)}.`
      : l10n.t`${files(left)} more than the limit of ${count(limits.files)}: what was routed is a sample of each kind of text.`;
  }
  return goesOn
    ? l10n.t`Stopped early: ${files(left)} more; the figures are of those that were routed. The next run goes on from here.`
    : l10n.t`Stopped early: ${files(left)} more; the figures are of those that were routed.`;
}

/** What there is to say of files that were not looked at; nothing where all were. */
export function unseenSentences({ more, unreadable }: Unseen): string[] {
  return [
    ...(more
      ? [
          l10n.t`There are more than 100,000 files. Only the first 100,000 by name were looked at; the others may be of other kinds of text.`,
        ]
      : []),
    ...(unreadable === 1 ? [l10n.t`1 folder could not be read; its contents are left out.`] : []),
    ...(unreadable > 1 ? [l10n.t`${count(unreadable)} folders could not be read; their contents are left out.`] : []),
  ];
}

function files(n: number): string {
  return n === 1 ? l10n.t`1 file` : l10n.t`${count(n)} files`;
}
