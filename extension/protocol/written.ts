/** What wrote a file, and when. */
export interface Written {
  readonly writer: string;
  /** ISO 8601, in UTC. */
  readonly written: string;
}
