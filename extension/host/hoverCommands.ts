/** Commands that the hover's links run; no other is allowed in it. */
export const HOVER_COMMANDS = { highlight: 'moescope.highlightExpert', map: 'moescope.showInMap' } as const;
