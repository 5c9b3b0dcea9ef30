/** Text of files made harmless in Markdown. */

export function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-.!|<>~&]/gu, '\\$&').replace(/\s+/gu, ' ');
}

/**
 * A message as VS Code's notifications are to show it. They make links of `[text](command:…)`, which run commands: what stands in a file
 * must not be able to offer one.
 */
export function unlinked(message: string): string {
  return message.replaceAll('](', '] (');
}

/** Inline code whose fence is longer than any run of backticks in it. */
export function inlineCode(text: string): string {
  const longest = Math.max(0, ...(text.match(/`+/gu) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest > 0 ? `${fence} ${text} ${fence}` : `${fence}${text}${fence}`;
}
