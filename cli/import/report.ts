/** What an import came to, for people: the counts, what is lost with its place, and what is to be done. */
import path from 'node:path';
import { countEnds, type Outcome } from '../../import/outcome.ts';
import { table } from '../terminal/table.ts';

/** Places are told as seen from `folder`. */
export function outcomeLines(outcomes: readonly Outcome[], folder: string, all: boolean): string[] {
  const ends = countEnds(outcomes);
  const told = all ? outcomes : outcomes.filter(({ end }) => end === 'not-supported');
  const rows = told.map((one) => [
    `${path.relative(folder, one.file) || path.basename(one.file)}:${one.line}`,
    one.where,
    one.directive,
    ...(all ? [one.end] : []),
    one.says,
  ]);
  return [
    `${outcomes.length} directives: ${ends.translated} translated, ${ends['not-needed']} not needed, ${ends['not-supported']} not supported`,
    ...(rows.length === 0
      ? []
      : [
          '',
          ...table(['at', 'in', 'directive', ...(all ? ['end'] : []), all ? 'why' : 'not supported because'], rows),
        ]),
  ];
}

export const NOTE = (note: string) => `note: ${note}`;
