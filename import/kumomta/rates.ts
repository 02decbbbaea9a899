/** Rates and limits as KumoMTA writes them (docs/reference/kumo/make_egress_path/max_message_rate.md). */

const SECONDS: Readonly<Record<string, number>> = {
  s: 1,
  sec: 1,
  second: 1,
  m: 60,
  min: 60,
  minute: 60,
  h: 3_600,
  hr: 3_600,
  hour: 3_600,
  d: 86_400,
  day: 86_400,
};

export interface KumoRate {
  readonly count: number;
  readonly seconds: number;
}

/** `100/s`, `local:1,000/day`, `500/d,max_burst=1`; undefined for anything else. A burst is no part of a rate. */
export function kumoRate(value: unknown): KumoRate | undefined {
  if (typeof value !== 'string') return undefined;
  const [, count, unit = ''] =
    /^(?:local:)?\s*([\d,_]+)\s*\/\s*([a-z]+)\s*(?:,\s*max_burst\s*=\s*\d+)?$/i.exec(value) ?? [];
  const seconds = SECONDS[unit.toLowerCase()];
  const number = Number(count?.replace(/[,_]/g, ''));
  return seconds === undefined || !(number > 0) ? undefined : { count: number, seconds };
}

/** A number, or `local:N`; undefined for anything else. */
export function kumoLimit(value: unknown): number | undefined {
  const number =
    typeof value === 'number'
      ? value
      : Number(/^(?:local:)?\s*([\d,_]+)$/.exec(String(value))?.[1]?.replace(/[,_]/g, ''));
  return Number.isInteger(number) && number > 0 ? number : undefined;
}
