/**
 * Adds a log up: deliveries by address, provider and day, in memory that depends on how many of these there are and not on
 * how long the log is. Reads PowerMTA CSV and KumoMTA JSON lines; which it is shows in the first line.
 */
import { CsvRows } from '../csv.ts';
import { dayReader, timeReader } from '../times.ts';
import { kumoMtaReader, type LegacyRecord, powerMtaReader, providerReader } from './records.ts';

export interface DayCount {
  readonly address: string;
  readonly provider: string;
  /** YYYY-MM-DD in the zone days are counted in. */
  readonly day: string;
  readonly messages: number;
}

export interface TallyOptions {
  /** Zone of times that name none. */
  readonly timeZone: string;
  /** Zone whose midnights part the days. */
  readonly dayZone: string;
  /** Deliveries before this instant (ms) or after `until` are counted as too old, or not come yet. */
  readonly since: number;
  readonly until: number;
}

export interface Tallied {
  readonly format: 'powermta' | 'kumomta';
  /** The head of the file, which tells it from every other: its header and its first record. */
  readonly head: string;
  readonly records: number;
  readonly types: Readonly<Record<string, number>>;
  /** Deliveries outside the time that counts, and those whose record names no IPv4 address. */
  readonly outside: number;
  readonly addressless: number;
  /** Lines that are no record: the last one of a file that is still being written, or damage. */
  readonly unreadable: number;
  readonly first: number | null;
  readonly last: number | null;
  readonly days: readonly DayCount[];
}

export class NotALog extends Error {}

export class Tally {
  readonly #options: TallyOptions;
  readonly #day: (at: number) => string;
  readonly #counts = new Map<string, number>();
  readonly #types = new Map<string, number>();
  #reader: { take(chunk: string): void; end(): void } | undefined;
  #format: Tallied['format'] = 'powermta';
  #begin = '';
  #head: string[] = [];
  #records = 0;
  #outside = 0;
  #addressless = 0;
  #unreadable = 0;
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  constructor(options: TallyOptions) {
    this.#options = options;
    this.#day = dayReader(options.dayZone);
  }

  /** Throws NotALog when the file begins like neither format. */
  take(chunk: string): void {
    if (this.#reader !== undefined) {
      this.#reader.take(chunk);
      return;
    }
    this.#begin += chunk.replace(/^\uFEFF/, '');
    const text = this.#begin.trimStart();
    if (text === '' || (!text.includes('\n') && text.length < 65_536)) return;
    this.#begin = '';
    this.#reader = this.#open(text);
    this.#reader.take(text);
  }

  /** The sum of what was taken. */
  end(): Tallied {
    if (this.#reader === undefined && this.#begin.trim() !== '') {
      const text = this.#begin.trimStart();
      this.#begin = '';
      this.#reader = this.#open(text);
      this.#reader.take(text);
    }
    this.#reader?.end();
    return {
      format: this.#format,
      head: this.#head.join('\n'),
      records: this.#records,
      types: Object.fromEntries([...this.#types].sort()),
      outside: this.#outside,
      addressless: this.#addressless,
      unreadable: this.#unreadable,
      first: Number.isFinite(this.#first) ? this.#first : null,
      last: Number.isFinite(this.#last) ? this.#last : null,
      days: [...this.#counts].map(([key, messages]) => {
        const [address = '', provider = '', day = ''] = key.split(' ');
        return { address, provider, day, messages };
      }),
    };
  }

  #open(text: string): { take(chunk: string): void; end(): void } {
    const time = timeReader(this.#options.timeZone);
    const provider = providerReader();
    if (text.startsWith('{')) {
      this.#format = 'kumomta';
      const read = kumoMtaReader(time, provider);
      let rest = '';
      const line = (one: string) => {
        if (one.trim() !== '') this.#count(read(one), one);
      };
      return {
        take: (chunk) => {
          const lines = (rest + chunk).split('\n');
          rest = lines.pop() ?? '';
          lines.forEach(line);
        },
        end: () => line(rest),
      };
    }
    if (!/^"?type"?,/i.test(text))
      throw new NotALog(
        'it begins neither with the header of a PowerMTA accounting file (type,timeLogged,…) nor with a JSON record',
      );
    const rows = new CsvRows();
    let read: ReturnType<typeof powerMtaReader> | undefined;
    const row = (cells: readonly string[]) => {
      // A pipe that was restarted writes its header again, with other columns perhaps.
      if (read === undefined || cells[0]?.toLowerCase() === 'type') {
        if (read === undefined) this.#head.push(cells.join(','));
        read = powerMtaReader(cells, time, provider);
      } else this.#count(read(cells), cells.join(','));
    };
    return {
      take: (chunk) => {
        for (const { cells } of rows.take(chunk)) row(cells);
      },
      end: () => {
        for (const { cells } of rows.end()) row(cells);
      },
    };
  }

  #count(record: LegacyRecord | undefined, text: string): void {
    if (record === undefined) {
      this.#unreadable += 1;
      return;
    }
    if (this.#records === 0) this.#head.push(text);
    this.#records += 1;
    this.#types.set(record.type, (this.#types.get(record.type) ?? 0) + 1);
    if (record.at !== undefined) {
      if (record.at < this.#first) this.#first = record.at;
      if (record.at > this.#last) this.#last = record.at;
    }
    const { delivered } = record;
    if (delivered === null) return;
    if (delivered.at < this.#options.since || delivered.at > this.#options.until) this.#outside += 1;
    else if (delivered.address === null) this.#addressless += 1;
    else {
      const key = `${delivered.address} ${delivered.provider} ${this.#day(delivered.at)}`;
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + delivered.recipients);
    }
  }
}
