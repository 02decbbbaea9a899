/** A row of a plan as lines of text: a table of its levels with bars, or a line for one that is too long. */
import type { Stage } from '../../policy/plan.ts';
import { table } from '../terminal/table.ts';

/** Stages in a row with the same ceiling and segment. Stage numbers from 1. */
export interface Level extends Stage {
  readonly first: number;
  readonly last: number;
}

/** Levels a chart shows one by one; of more, every seventh (or fewer) and a line for all. */
const MOST_LINES = 60;
const MOST_COLUMNS = 72;
const BAR = 32;
const EIGHTHS = ' ▏▎▍▌▋▊▉█';
const HEIGHTS = '▁▂▃▄▅▆▇█';

export function levelsOf(row: readonly Stage[]): Level[] {
  const levels: Level[] = [];
  for (const [index, { ceiling, segment }] of row.entries()) {
    const before = levels.at(-1);
    if (before?.ceiling === ceiling && before.segment === segment)
      levels[levels.length - 1] = { ...before, last: index + 1 };
    else levels.push({ ceiling, segment, first: index + 1, last: index + 1 });
  }
  return levels;
}

/** Lines of a row: stage, ceiling, growth, recipients and a bar (logarithmic: plans grow by factors). */
export function chartOf(row: readonly Stage[]): string[] {
  const levels = levelsOf(row);
  const share = logShare(row);
  const every = levels.length <= MOST_LINES ? 1 : Math.max(7, Math.ceil(levels.length / MOST_LINES));
  const shown = levels.filter((_, at) => at % every === 0 || at === levels.length - 1);
  const rows = shown.map((level) => {
    const before = levels[levels.indexOf(level) - 1]?.ceiling;
    return [
      level.first === level.last ? String(level.first) : `${level.first}–${level.last}`,
      level.ceiling.toLocaleString('en'),
      before === undefined || before === level.ceiling ? '' : `×${(level.ceiling / before).toFixed(2)}`,
      level.segment,
      bar(share(level.ceiling)),
    ];
  });
  const lines = table(['stage', 'a day', 'growth', 'recipients', 'bars are logarithmic'], rows);
  return shown.length === levels.length ? lines : [sparkline(row.map(({ ceiling }) => share(ceiling))), '', ...lines];
}

/** One character a value (0 to 1), or one of each few where there are more than fit a line. */
export function sparkline(shares: readonly number[]): string {
  const columns = Math.min(MOST_COLUMNS, shares.length);
  return Array.from({ length: columns }, (_, column) => {
    const share = shares[Math.ceil(((column + 1) * shares.length) / columns) - 1] ?? 0;
    return HEIGHTS[Math.min(7, Math.max(0, Math.floor(share * 8)))];
  }).join('');
}

/** `share` (0 to 1) of a bar, to an eighth of a character. */
export function bar(share: number, columns = BAR): string {
  const eighths = Math.max(1, Math.round(Math.min(1, Math.max(0, share)) * columns * 8));
  return `${'█'.repeat(Math.floor(eighths / 8))}${EIGHTHS[eighths % 8]?.trim() ?? ''}`;
}

/** Where a ceiling stands between one message and the last ceiling, on a logarithmic scale. */
function logShare(row: readonly Stage[]): (ceiling: number) => number {
  const most = Math.log(1 + (row.at(-1)?.ceiling ?? 1));
  return (ceiling) => Math.log(1 + ceiling) / most;
}
