/** One thing set-up does. */
export interface Step {
  readonly name: string;
  /** What it is for, in a few words. */
  readonly why: string;
  /** Does the work if it is not done; returns what it found or did. Throws an Error in one line that says what to do. */
  run(log: (line: string) => void): Promise<string>;
}
