/** The beginning of a syslog line: its time, as RFC 3339 or in the old form without a year, its host and its program. */
import { timeReader } from '../times.ts';

export interface SyslogLine {
  /** ms */
  readonly at: number;
  readonly host: string;
  /** With the name before its slash, without its process id: `postfix/smtp`. */
  readonly program: string;
  readonly text: string;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const LINE =
  /^(?:(\d{4}-\d\d-\d\dT\S+)|([A-Z][a-z]{2}) +(\d{1,2}) (\d\d:\d\d:\d\d)(?:\.\d+)?) (\S+) ([^\s[:]+)(?:\[\d+\])?: (.*)$/;
const DAY = 86_400_000;

/**
 * Reads lines. `zone`: of times without an offset; `now` (ms): tells the year of a line that has none, which is the last
 * one in which it does not lie in the future.
 */
export function syslogReader(zone: string, now: () => number): (line: string) => SyslogLine | undefined {
  const readTime = timeReader(zone);
  return (line) => {
    const found = LINE.exec(line);
    if (found === null) return undefined;
    const [, iso, month = '', day = '', clock = '', host = '', program = '', text = ''] = found;
    const at = iso === undefined ? yearless(month, day, clock) : readTime(iso);
    return at === undefined ? undefined : { at, host, program, text };
  };

  function yearless(month: string, day: string, clock: string): number | undefined {
    const index = MONTHS.indexOf(month);
    if (index === -1) return undefined;
    const limit = now() + DAY;
    const year = new Date(limit).getUTCFullYear();
    const inYear = (one: number) =>
      readTime(`${one}-${String(index + 1).padStart(2, '0')}-${day.padStart(2, '0')} ${clock}`);
    const at = inYear(year);
    return at !== undefined && at > limit ? inYear(year - 1) : at;
  }
}
