import { windowAt, windowOf } from '../../policy/calendar.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import { calendarOf, type Forecast, forecast, type Plan, stageOf } from '../../policy/plan.ts';
import type { Store } from '../../store/connect.ts';
import { addressRows, allLanes } from '../../store/lanes.ts';
import { poolVolumes } from '../../store/volumes.ts';
import { badInput, CONFIG_OPTION, type Command, text } from '../command.ts';
import { withStore } from '../instance.ts';
import { drawChosen, TARGET } from '../plan/draw.ts';
import { CALENDAR_OPTIONS, CHOICE_OPTIONS, INPUT_OPTIONS, wholeNumber } from '../plan/options.ts';
import { closest } from '../terminal/closest.ts';
import { table } from '../terminal/table.ts';

const DAYS = 30;

/** Could a pool's mail fill a plan? Reads PostgreSQL only. */
export const planPreview: Command = {
  usage: '<name>',
  options: [
    { name: 'pool', type: 'string', value: 'POOL', says: 'whose mail of the last 30 days counts' },
    {
      name: 'addresses',
      type: 'string',
      value: 'N',
      says: "addresses that share the pool's cold mail (default: its cold ones)",
    },
    ...INPUT_OPTIONS,
    ...CHOICE_OPTIONS,
    ...CALENDAR_OPTIONS,
    CONFIG_OPTION,
  ],
  example: './rampart plan preview six-week --pool marketing --target google=20000,default=5000',
  positionals: [1, 1],
  async run(invocation) {
    const name = invocation.positionals[0] ?? '';
    const pool = text(invocation, 'pool');
    if (pool === undefined) throw badInput('say whose mail is to fill it: --pool NAME');
    const given = text(invocation, 'addresses');
    const asked = given === undefined ? undefined : wholeNumber('--addresses', given);
    return withStore(invocation, async (store) => {
      const { providers, cold, calendar } = await poolOf(store, pool);
      const plan = await drawChosen(invocation, name, () => ({ default: TARGET }), providers, pool);
      const addresses = asked ?? Math.max(1, cold);
      const forecasts = await forecastsOf(store, plan, pool, providers, addresses, calendarOf(plan, calendar));
      return {
        json: { plan: plan.name, pool, addresses, days: DAYS, lanes: forecasts },
        lines: [
          `plan ${plan.name} with the mail of pool ${pool} in the last ${DAYS} days, shared by ${addresses} ${addresses === 1 ? 'address' : 'addresses'}`,
          '',
          ...table(
            ['provider', 'stages', 'best day', 'send days it takes'],
            forecasts.map((one) => [
              one.provider,
              String(one.stages),
              one.best.toLocaleString('en'),
              one.days === null ? 'never ends' : String(one.days),
            ]),
          ),
          '',
          ...forecasts.flatMap((one) => shortText(one)),
          ...targetsText(plan, forecasts),
          'Gates are taken to pass, and all mail to be for the segments of each stage.',
        ],
      };
    });
  },
};

async function poolOf(store: Store, pool: string) {
  const rows = await addressRows(store);
  const row = rows.find((one) => one.pool === pool);
  if (row === undefined) {
    const names = [...new Set(rows.map((one) => one.pool))];
    const near = closest(pool, names);
    throw badInput(
      `no pool with addresses is called "${pool}": ${near === undefined ? `choose one of ${names.join(', ') || 'none: there are none yet'}` : `did you mean ${near}?`}`,
    );
  }
  const lanes = (await allLanes(store)).filter((lane) => lane.pool === pool);
  const cold = new Set(lanes.filter((lane) => lane.phase !== 'warm').map((lane) => lane.address)).size;
  return { providers: [...new Set(lanes.map((lane) => lane.provider))], cold, calendar: row.calendar };
}

async function forecastsOf(
  store: Store,
  plan: Plan,
  pool: string,
  providers: readonly string[],
  addresses: number,
  calendar: ReturnType<typeof calendarOf>,
): Promise<Forecast[]> {
  const today = windowOf(Date.now(), calendar).index;
  const windows = Array.from({ length: DAYS }, (_, index) => windowAt(today - DAYS + index, calendar)).filter(
    (window) => window.sends,
  );
  const volumes = await poolVolumes(store, pool, windows);
  return providers.map((provider) => {
    const mine = new Map(volumes.filter((row) => row.provider === provider).map((row) => [row.window, row.messages]));
    const days = windows.map((window) => Math.floor((mine.get(window.index) ?? 0) / addresses));
    return forecast(plan, provider, days);
  });
}

/** The largest last stage that a pool's best day fills as far as a day has to be. */
function fitting(best: number): number {
  return Math.floor(best / DEFAULTS.minUtilisation);
}

/** Targets that the mail fills, as the option wants them; none where all fit, or where there was no mail. */
function targetsText(plan: Plan, forecasts: readonly Forecast[]): string[] {
  const sending = forecasts.filter(({ best }) => fitting(best) >= 1);
  if (!sending.some(({ short }) => short !== null)) return [];
  const targets = sending.map(({ provider, short, best, stages }) => ({
    provider,
    target: short === null ? (stageOf(plan, provider, stages - 1)?.ceiling ?? 1) : fitting(best),
  }));
  const smallest = Math.min(...targets.map(({ target }) => target));
  const said = targets.map(({ provider, target }) => `${provider}=${target}`).join(',');
  return [`what fits: --target ${said},default=${smallest}`];
}

function shortText({ provider, best, short, stages, waits, days }: Forecast): string[] {
  if (short === null) return [];
  const { stage, ceiling, share } = short;
  const fits = fitting(best);
  const end = waits !== null ? `it waits at stage ${waits}` : `it goes on without filling its stages, for ${days} days`;
  const way = fits >= 1 ? `a target of ${fits} fits` : 'there was no mail at all';
  return [
    `${provider} reaches only ${Math.floor(share * 100)}% of stage ${stage} of ${stages} (${ceiling.toLocaleString('en')} a day) with your last ${DAYS} days of volume: ${end}; ${way}`,
  ];
}
