import { type PastDay, replay } from '../../judge/replay.ts';
import { type Calendar, windowAt, windowOf } from '../../policy/calendar.ts';
import { gatesOf } from '../../policy/gates/settings.ts';
import { calendarOf } from '../../policy/plan.ts';
import { PROVIDERS } from '../../policy/providers.ts';
import { type AccountingFile, readAccounting } from '../backtest/read.ts';
import { badInput, CONFIG_OPTION, type Command, text } from '../command.ts';
import { drawChosen, planName, TARGET } from '../plan/draw.ts';
import { CALENDAR_OPTIONS, CHOICE_OPTIONS, INPUT_OPTIONS } from '../plan/options.ts';
import { chosenPool, POOL_OPTION } from '../plan/pool.ts';
import { table } from '../terminal/table.ts';

const HOUR = 3_600_000;
const UTC: Calendar = { kind: 'civil', zone: 'UTC', sendDays: [1, 2, 3, 4, 5, 6, 7], sendHours: { from: 0, to: 24 } };
const KEYS = [...PROVIDERS.map(({ key }) => key), 'other'];

/** Plays past mail through the gates. Reads the file only: no database. */
export const backtest: Command = {
  usage: '',
  options: [
    { name: 'plan', type: 'string', value: 'NAME', says: 'six-week, four-week, … (./rampart plan list)' },
    {
      name: 'accounting',
      type: 'string',
      value: 'FILE',
      says: "PowerMTA's accounting CSV, or Rampart's attempts (docs/simulate.md)",
    },
    { name: 'all', type: 'boolean', says: 'show every day, not only those on which a gate spoke' },
    ...INPUT_OPTIONS,
    ...CHOICE_OPTIONS,
    ...CALENDAR_OPTIONS,
    POOL_OPTION,
    CONFIG_OPTION,
  ],
  example: './rampart backtest --plan six-week --accounting acct-2026-10-01-0000.csv',
  positionals: [0, 0],
  async run(invocation) {
    const name = planName(invocation);
    const given = text(invocation, 'accounting');
    if (given === undefined) throw badInput('say which mail to look at: --accounting FILE');
    const pool = await chosenPool(invocation);
    const plan = await drawChosen(invocation, name, () => ({ default: TARGET }), KEYS, pool);
    const calendar = calendarOf(plan, UTC);
    const file = await readAccounting(given, (instant) => {
      const { index, start, end } = windowOf(instant, calendar);
      return { day: index, part: Math.min(3, Math.floor((4 * (instant - start)) / (end - start))) };
    });
    const days = replay(file.mail.hours, {
      plan,
      gates: (provider) => gatesOf(plan.gates, provider),
      reports: (address, provider) => file.mail.reports(address, provider),
      dayOf: (hour) => windowOf(hour * HOUR, calendar).index,
    });
    if (days.length === 0)
      throw badInput(`${given} has no mail that can be judged${file.bad.count > 0 ? `: ${faultText(file)}` : ''}`);
    const dated = days.map(({ day, ...rest }) => ({ date: dateOf(day, calendar), ...rest }));
    const { kind, lines, bad, leftOut } = file;
    return {
      json: { plan: plan.name, file: given, kind, lines, bad, leftOut, days: dated },
      lines: linesOf(plan.name, given, file, dated, invocation.options.all === true),
      ...(bad.count > 0 ? { exit: 1 as const } : {}),
    };
  },
};

type Dated = Omit<PastDay, 'day'> & { readonly date: string };

/** The local date of a window: its noon, so that no zone moves it. */
function dateOf(day: number, calendar: Calendar): string {
  const { start, end } = windowAt(day, calendar);
  const zone = calendar.kind === 'civil' ? calendar.zone : 'UTC';
  return new Intl.DateTimeFormat('sv-SE', { timeZone: zone }).format((start + end) / 2);
}

function faultText({ bad }: AccountingFile): string {
  return `${bad.count} ${bad.count === 1 ? 'line' : 'lines'} could not be read; the first is line ${bad.firstLine}: ${bad.firstSays}`;
}

function linesOf(plan: string, given: string, file: AccountingFile, days: readonly Dated[], all: boolean): string[] {
  const shown = all ? days : days.filter((one) => one.verdict !== 'advance');
  const count = (verdict: PastDay['verdict']) => days.filter((one) => one.verdict === verdict).length;
  const lanes = new Set(days.map((one) => `${one.address} ${one.provider}`)).size;
  const over = days.filter((one) => one.sent > one.ceiling).length;
  return [
    `plan ${plan} on ${file.lines.toLocaleString('en')} records of ${given} (${file.kind})`,
    `${lanes} ${lanes === 1 ? 'lane' : 'lanes'}, ${days.length} ${days.length === 1 ? 'day' : 'days'} of mail: ${count('advance')} advance, ${count('hold')} hold, ${count('stop')} stop`,
    ...(over === 0 ? [] : [`on ${over} of them more was sent than these gates would have allowed by then`]),
    ...Object.entries(file.leftOut).map(([what, records]) => `left out: ${records.toLocaleString('en')} × ${what}`),
    ...(file.bad.count === 0 ? [] : [faultText(file)]),
    '',
    ...table(
      ['date', 'address', 'provider', 'sent', 'allowed', 'verdict', 'why'],
      shown.map((one) => [
        one.date,
        one.address,
        one.provider,
        one.sent.toLocaleString('en'),
        one.ceiling.toLocaleString('en'),
        one.verdict,
        one.reason,
      ]),
    ),
    ...(all || shown.length === days.length ? [] : ['', `days that advance are not shown: --all shows them`]),
  ];
}
