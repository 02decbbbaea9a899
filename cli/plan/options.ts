/** Options that say which plan, and what of it is to be other than published. */
import type { AdvanceMode, PlanCalendar, PlanInput } from '../../policy/plan.ts';
import { ADVANCE_MODES } from '../../policy/plan.ts';
import { badInput, type CommandOption, type Invocation, text } from '../command.ts';

export const INPUT_OPTIONS: readonly CommandOption[] = [
  {
    name: 'start',
    type: 'string',
    value: 'N',
    says: 'messages on the first day, per provider (curves only; default: 50)',
  },
  {
    name: 'target',
    type: 'string',
    value: 'N|P=N,…',
    says: 'messages a day at the end: one figure, or google=20000,default=5000',
  },
  { name: 'days', type: 'string', value: 'N', says: "days to take (curves only; default: the plan's)" },
  { name: 'growth', type: 'string', value: 'F', says: 'factor a day, such as 1.3 (plan geometric only)' },
  {
    name: 'share',
    type: 'string',
    value: 'P=F,…',
    says: 'shares of the mail, google=0.5,default=0.1, to split figures a vendor gives for a whole address',
  },
];

export const CHOICE_OPTIONS: readonly CommandOption[] = [
  { name: 'advance', type: 'string', value: 'MODE', says: `${ADVANCE_MODES.join(', ')} (default: the plan's)` },
  { name: 'cap', type: 'boolean', says: 'put stages in where the plan grows faster than its cap' },
];

export const CALENDAR_OPTIONS: readonly CommandOption[] = [
  { name: 'zone', type: 'string', value: 'ZONE', says: "time zone of the ramp's days (default: the plan's or pool's)" },
  { name: 'send-days', type: 'string', value: 'D-D|D,…', says: 'ISO weekdays of cold mail, 1-5 or 1,3,5' },
  { name: 'send-hours', type: 'string', value: 'H-H', says: 'local hours of cold mail, 8-20' },
];

export const UNCAPPED_OPTION: CommandOption = {
  name: 'uncapped',
  type: 'boolean',
  says: 'take the plan as it is, although it grows faster than its cap; wants --reason',
};

/** What the options say a plan is drawn up from; nothing that was not given. */
export function planInput(invocation: Invocation): PlanInput {
  const [start, target, days, growth, share] = ['start', 'target', 'days', 'growth', 'share'].map((name) =>
    text(invocation, name),
  );
  return {
    ...(start === undefined ? {} : { start: wholeNumber('--start', start) }),
    ...(target === undefined ? {} : { targets: targets(target) }),
    ...(days === undefined ? {} : { days: wholeNumber('--days', days) }),
    ...(growth === undefined ? {} : { growth: decimal('--growth', growth, 'a factor such as 1.3') }),
    ...(share === undefined
      ? {}
      : { shares: figures('--share', share, (what, given) => decimal(what, given, 'a share such as 0.2')) }),
  };
}

/** The mode of `--advance`, or undefined. */
export function advanceChoice(invocation: Invocation): AdvanceMode | undefined {
  const given = text(invocation, 'advance');
  if (given === undefined) return undefined;
  const mode = ADVANCE_MODES.find((known) => known === given);
  if (mode === undefined) throw badInput(`--advance is "${given}": choose one of ${ADVANCE_MODES.join(', ')}`);
  return mode;
}

/** Days and hours that were given, or undefined. */
export function calendarChoice(invocation: Invocation): PlanCalendar | undefined {
  const [zone, days, hours] = ['zone', 'send-days', 'send-hours'].map((name) => text(invocation, name));
  if (zone === undefined && days === undefined && hours === undefined) return undefined;
  return {
    ...(zone === undefined ? {} : { zone }),
    ...(days === undefined ? {} : { sendDays: weekdays(days) }),
    ...(hours === undefined ? {} : { sendHours: hoursOf(hours) }),
  };
}

function weekdays(given: string): number[] {
  const days = given.split(',').flatMap((part) => {
    const [, from, to = from] = /^\s*([1-7])(?:\s*-\s*([1-7]))?\s*$/.exec(part) ?? [];
    if (from === undefined || Number(to) < Number(from))
      throw badInput(`--send-days is "${given}": write 1-5 or 1,3,5, where 1 is Monday and 7 is Sunday`);
    return Array.from({ length: Number(to) - Number(from) + 1 }, (_, index) => Number(from) + index);
  });
  return [...new Set(days)].sort();
}

function hoursOf(given: string): { from: number; to: number } {
  const [, from, to] = /^\s*(\d{1,2})\s*-\s*(\d{1,2})\s*$/.exec(given) ?? [];
  if (from === undefined || to === undefined || Number(from) >= Number(to) || Number(to) > 24)
    throw badInput(`--send-hours is "${given}": write 8-20, within 0 and 24`);
  return { from: Number(from), to: Number(to) };
}

function targets(given: string): Record<string, number> {
  return given.includes('=') ? figures('--target', given, wholeNumber) : { default: wholeNumber('--target', given) };
}

/** `google=20000,default=5000`, with a default. */
function figures(
  option: string,
  given: string,
  read: (what: string, figure: string) => number,
): Record<string, number> {
  const found: Record<string, number> = {};
  for (const part of given.split(',')) {
    const [, provider, figure] = /^\s*([a-z0-9-]+)\s*=\s*(.*)$/i.exec(part) ?? [];
    if (provider === undefined || figure === undefined)
      throw badInput(`${option} has "${part}": write it like google=…,default=…`);
    found[provider] = read(`${option} ${provider}`, figure);
  }
  if (found.default === undefined) throw badInput(`${option} names no default: add default=N for the other providers`);
  return found;
}

export function wholeNumber(what: string, given: string): number {
  const plain = given.trim().replaceAll('_', '');
  if (!/^\d{1,9}$/.test(plain) || Number(plain) < 1)
    throw badInput(`${what} is "${given}": give a whole number above 0`);
  return Number(plain);
}

function decimal(what: string, given: string, like: string): number {
  if (!/^\d{1,3}(\.\d{1,6})?$/.test(given.trim()) || Number(given) <= 0)
    throw badInput(`${what} is "${given}": give ${like}`);
  return Number(given);
}
