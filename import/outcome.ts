/**
 * What became of one thing an importer read. An import is judged by what it leaves out, so nothing may be left out
 * silently: every directive ends in exactly one of three ways, with its place and a reason.
 */

/** `not-needed`: Rampart does it by itself or has no such part. `not-supported`: it did something that is lost. */
export type End = 'translated' | 'not-needed' | 'not-supported';
export const ENDS: readonly End[] = ['translated', 'not-needed', 'not-supported'];

/** Where something stands. */
export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** Lines it takes, 1 for most. */
  readonly lines: number;
}

export interface Outcome extends Place {
  /** The block it stands in: `global`, `domain gmail.com`, `virtual-mta v1 / domain *`. */
  readonly where: string;
  readonly directive: string;
  readonly end: End;
  /** What it became, or why it did not. Never holds a secret. */
  readonly says: string;
}

export function placeText({ file, line }: Pick<Place, 'file' | 'line'>): string {
  return `${file}:${line}`;
}

export function countEnds(outcomes: readonly { readonly end: End }[]): Readonly<Record<End, number>> {
  const count = (end: End) => outcomes.filter((one) => one.end === end).length;
  return {
    translated: count('translated'),
    'not-needed': count('not-needed'),
    'not-supported': count('not-supported'),
  };
}
