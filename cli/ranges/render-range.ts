/** A range as lines for people: who begins when. Pure. */
import { summaryText } from '../../policy/preflight/check.ts';
import type { RangeAddressRow, RangeRow } from '../../store/ranges.ts';
import { table } from '../terminal/table.ts';
import { stamp } from '../terminal/time.ts';

export function rangeLines(
  range: RangeRow,
  rows: readonly RangeAddressRow[],
  existing: boolean,
  notes: readonly string[],
): string[] {
  const zone = range.calendar.kind === 'civil' ? range.calendar.zone : 'UTC';
  const begun = rows.filter(({ state }) => state === 'started').length;
  const pace = range.perDay === null ? 'all at once' : `${range.perDay} a day`;
  return [
    `range ${range.written}${existing ? ' is there already' : ''}: ${begun} of ${rows.length} addresses begun, plan ${range.plan.name}, ${pace}`,
    '',
    ...table(
      ['address', 'state', 'begins', 'preflight'],
      rows.map((row) => [
        row.address,
        row.state,
        row.says ?? stamp(row.startedAt ?? row.dueAt, zone),
        row.preflight === null ? '' : summaryText(row.preflight.checks),
      ]),
    ),
    ...notes.map((note) => `note: ${note}`),
    '',
    `watch it: ./rampart warmup status --range ${range.written.replace(/\s+/g, '')} --watch`,
  ];
}
