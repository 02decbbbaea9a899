/** Times as accounting files write them, and the day they belong to. Both keep what they worked out: a file has millions. */
import { TZDate } from '@date-fns/tz';

export type ReadTime = (text: string) => number | undefined;

/**
 * Reads seconds since 1970, `2019-02-08 21:54:05+0000`, RFC 3339, and local times without an offset, which are of `zone`.
 * Undefined for anything else.
 */
export function timeReader(zone: string): ReadTime {
  const hours = new Map<string, number>();
  return (text) => {
    if (/^\d{9,11}(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1_000);
    const at = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?\s?(?:(Z)|([+-]\d{2}):?(\d{2})?)?$/.exec(
      text,
    );
    if (at === null) return undefined;
    const [, day = '', hour = '', minute = '', second = '', fraction, utc, sign, minutes = '00'] = at;
    const offset = utc === undefined ? (sign === undefined ? '' : `${sign}:${minutes}`) : 'Z';
    // Ten minutes: no zone changes its offset within them.
    const key = `${day}T${hour}:${minute.slice(0, 1)}0:00${offset}`;
    let base = hours.get(key);
    if (base === undefined) {
      base = offset === '' ? localTime(key, zone) : Date.parse(key);
      if (hours.size > 10_000) hours.clear();
      hours.set(key, base);
    }
    const ms = base + (Number(minute.slice(1)) * 60 + Number(second)) * 1_000 + milliseconds(fraction);
    return Number.isNaN(ms) ? undefined : ms;
  };
}

/** Of the digits behind a second's point; logs have three to nine of them. */
function milliseconds(fraction: string | undefined): number {
  return fraction === undefined ? 0 : Math.floor(Number(`0.${fraction}`) * 1_000);
}

/** TZDate takes text without offset for the system's time: only its parts are read in the zone. */
function localTime(text: string, zone: string): number {
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0] = text.split(/[-T:]/).map(Number);
  return new TZDate(year, month - 1, day, hour, minute, 0, zone).getTime();
}

const QUARTER = 15 * 60_000;

/** The day (YYYY-MM-DD) an instant is in, in a zone. */
export function dayReader(zone: string): (at: number) => string {
  const days = new Map<number, string>();
  const format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' });
  return (at) => {
    const quarter = Math.floor(at / QUARTER);
    let day = days.get(quarter);
    if (day === undefined) {
      day = format.format(quarter * QUARTER);
      days.set(quarter, day);
    }
    return day;
  };
}

/** Is it a time zone this machine knows? */
export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
