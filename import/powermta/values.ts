/**
 * Values as PowerMTA writes them (user's guide, 3.1): booleans, intervals, rates, sizes, addresses. Each reader gives
 * undefined for what it can not read; nothing is guessed.
 */
import { isIPv4 } from 'node:net';

export function booleanOf(value: string): boolean | undefined {
  if (/^(yes|true|1)$/i.test(value)) return true;
  return /^(no|false|0)$/i.test(value) ? false : undefined;
}

const SECONDS: Readonly<Record<string, number>> = { w: 604_800, d: 86_400, h: 3_600, m: 60, s: 1 };

/** `1w2d12h30m5s` in seconds; a bare number is seconds. */
export function intervalOf(value: string): number | undefined {
  if (/^\d+$/.test(value)) return Number(value);
  const parts = /^(?:\d+[wdhms])+$/i.test(value) ? value.matchAll(/(\d+)([wdhms])/gi) : undefined;
  if (parts === undefined) return undefined;
  let seconds = 0;
  for (const [, count, unit = ''] of parts) seconds += Number(count) * (SECONDS[unit.toLowerCase()] ?? 0);
  return seconds;
}

/** `count` in `seconds`; `unlimited` is no limit, and 0 stands for itself. */
export type Rate = 'unlimited' | { readonly count: number; readonly seconds: number };

/** `unlimited`, `0`, or `N/[M]unit` with unit d, day, h, hr, m, min, s, sec. */
export function rateOf(value: string): Rate | undefined {
  const text = value.replace(/\s+/g, '').toLowerCase();
  if (text === 'unlimited') return 'unlimited';
  if (text === '0') return { count: 0, seconds: 1 };
  const [, count, times = '1', unit = ''] =
    /^(\d+)\/(\d*)(d|day|days|h|hr|hour|m|min|minute|s|sec|second)$/.exec(text) ?? [];
  if (count === undefined) return undefined;
  const seconds = Number(times === '' ? '1' : times) * (SECONDS[unit.slice(0, 1)] ?? 0);
  return seconds > 0 ? { count: Number(count), seconds } : undefined;
}

/** A list of `N/d`: element i is the limit of day i (user's guide, max-cold-virtual-mta-msg). */
export function dailyLimitsOf(value: string): number[] | undefined {
  const days = value
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  const limits = days.map((one) => (one === '0' ? 0 : Number(/^(\d+)\/(?:d|day)$/i.exec(one)?.[1] ?? Number.NaN)));
  return limits.length === 0 || limits.some((limit) => !Number.isSafeInteger(limit)) ? undefined : limits;
}

const BYTES: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1_024, m: 1_048_576, g: 1_073_741_824 };

/** `250M` in bytes; `unlimited` and 0 are no limit. */
export function sizeOf(value: string): number | 'unlimited' | undefined {
  if (/^(unlimited|0)$/i.test(value)) return 'unlimited';
  const [, count, unit = ''] = /^(\d+)([bkmg]?)$/i.exec(value) ?? [];
  return count === undefined ? undefined : Number(count) * (BYTES[unit.toLowerCase()] ?? 1);
}

/** A network's IPv4 addresses, at most `most`; undefined for what is no IPv4 address or network, or is larger. */
export function addressesOf(value: string, most = 256): string[] | undefined {
  const [address = '', bits] = value.split('/');
  if (!isIPv4(address)) return undefined;
  if (bits === undefined) return [address];
  if (!/^\d{1,2}$/.test(bits) || Number(bits) > 32) return undefined;
  const count = 2 ** (32 - Number(bits));
  if (count > most) return undefined;
  const start = Math.floor(number(address) / count) * count;
  return Array.from({ length: count }, (_, n) => text(start + n));
}

/** Is an IPv4 address in a network such as 0/0, 10.0.0.0/8 or 10.1.2.3? */
export function inNetwork(address: string, network: string): boolean {
  const [base = '', bits = '32'] = network.split('/');
  const padded = `${base}.0.0.0`.split('.').slice(0, 4).join('.');
  if (!isIPv4(padded) || !/^\d{1,2}$/.test(bits)) return false;
  const count = 2 ** (32 - Number(bits));
  return Math.floor(number(address) / count) === Math.floor(number(padded) / count);
}

function number(address: string): number {
  return address.split('.').reduce((all, part) => all * 256 + Number(part), 0);
}

function text(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}
