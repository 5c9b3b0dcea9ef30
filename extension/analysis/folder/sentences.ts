/** What of a folder was routed and what was not, in words. */
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

const WHY: Readonly<Record<keyof Counts['skipped'], string>> = {
  unreadable: 'cannot be read',
  binary: 'not UTF-8 text',
  large: 'over 16 MB',
  empty: 'empty',
  failed: 'on which the model failed',
};

/** One sentence a line. */
export function folderSentences(
  { routed, cut, skipped, failures, left, tokens }: Counts,
  limits: { readonly files: number; readonly characters: number },
  { resumed, ended, unsaved }: { readonly resumed: number; readonly ended?: unknown; readonly unsaved?: unknown },
): string[] {
  const reasons = Object.entries(skipped).filter(([, n]) => n > 0);
  const why = reasons.map(([reason, n]) => `${count(n)} ${WHY[reason as keyof typeof WHY]}`).join(', ');
  return [
    `${files(routed)} routed, ${count(tokens)} tokens.` +
      (resumed > 0 ? ` ${count(resumed)} of them in an earlier run.` : ''),
    ...(cut > 0 ? [`Of ${files(cut)} only the first ${count(limits.characters)} characters were taken.`] : []),
    ...(why === '' ? [] : [`Skipped: ${why}.`]),
    ...failures.slice(0, FAILURES_TOLD).map(({ path, why: reason }) => `${path}: ${reason}`),
    ...(left > 0
      ? [
          ended !== undefined
            ? `Stopped early: ${files(left)} more; the figures are of those that were routed.${unsaved === undefined ? ' The next run goes on from here.' : ''}`
            : `${files(left)} more than the limit of ${count(limits.files)}: what was routed is a sample of each kind of text.`,
        ]
      : []),
    ...(unsaved === undefined ? [] : ['What was routed could not be stored: another run will begin anew.']),
  ];
}

function files(n: number): string {
  return `${count(n)} file${n === 1 ? '' : 's'}`;
}
