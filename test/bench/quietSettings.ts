/** Settings of a VS Code that is measured: suggestions are other extensions' affair, and a server that looks for open ports starts processes. */
export const QUIET = { 'editor.quickSuggestions': { other: 'off' }, 'remote.autoForwardPorts': false } as const;
