/** The formats there are, and what reads each: a log's text, or one JSON value of a webhook. */
import { type ReadTime, timeReader } from '../times.ts';
import type { LegacyEvent, Log } from './event.ts';
import { eximLog } from './exim.ts';
import { list, parsed } from './json.ts';
import { kumoMtaEvents, kumoMtaRecord } from './kumomta.ts';
import { lineReader } from './line-reader.ts';
import { mailgunRecord } from './mailgun.ts';
import { type Mapping, mappedCsv, mappedJson, mappedRecord } from './mapped.ts';
import { postfixLog } from './postfix.ts';
import { powerMtaEvents } from './powermta.ts';
import { sendGridRecord } from './sendgrid.ts';
import { sesRecord } from './ses.ts';

export const FORMATS = ['powermta', 'kumomta', 'postfix', 'exim', 'ses', 'sendgrid', 'mailgun', 'csv', 'json'] as const;
export type Format = (typeof FORMATS)[number];

export interface FormatSettings {
  readonly format: Format;
  /** Zone of times that name none; default UTC. */
  readonly timeZone?: string | undefined;
  /** Of `csv` and `json`. */
  readonly mapping?: Mapping | undefined;
}

type ReadRecord = (value: unknown) => LegacyEvent[];

/** Reads logs; those of a webhook's format hold its JSON, one value a line. `now` (ms) tells the year of syslog lines. */
export function logOf(settings: FormatSettings, now: () => number): Log {
  const { format, timeZone = 'UTC' } = settings;
  switch (format) {
    case 'powermta':
      return { reader: () => powerMtaEvents(timeReader(timeZone)) };
    case 'kumomta':
      return { reader: kumoMtaEvents };
    case 'postfix':
      return postfixLog(timeZone, now);
    case 'exim':
      return eximLog(timeZone);
    case 'csv':
      return { reader: () => mappedCsv(mappingOf(settings), timeReader(timeZone)) };
    case 'json':
      return { reader: () => mappedJson(mappingOf(settings), timeReader(timeZone)) };
    default: {
      const read = recordOf(settings);
      return { reader: () => lineReader((line) => list(parsed(line) ?? [undefined]).flatMap(read)) };
    }
  }
}

/** Reads one JSON record of a webhook. It throws Unreadable. */
export function recordOf(settings: FormatSettings): ReadRecord {
  const time: ReadTime = timeReader(settings.timeZone ?? 'UTC');
  switch (settings.format) {
    case 'ses':
      return sesRecord;
    case 'sendgrid':
      return sendGridRecord;
    case 'mailgun':
      return mailgunRecord;
    case 'kumomta':
      return kumoMtaRecord;
    case 'json':
      return (value) => mappedRecord(value, mappingOf(settings), time);
    default:
      throw new Error(`format ${settings.format} comes as a log, not as a webhook`);
  }
}

function mappingOf({ format, mapping }: FormatSettings): Mapping {
  if (mapping === undefined) throw new Error(`format ${format} needs a mapping of its names`);
  return mapping;
}
