/** One thing the doctor looks at. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What was found. */
  readonly says: string;
  /** What to do about it, where it is not in order. */
  readonly todo?: string;
}

export function ok(name: string, says: string): Check {
  return { name, ok: true, says };
}

export function wrong(name: string, says: string, todo: string): Check {
  return { name, ok: false, says, todo };
}

/** First line of an error, for a check's text. */
export function said(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return String(message || code || error).split('\n')[0] ?? '';
}
