/** Many addresses at a glance: a line each, the worst lane first in it. Pure. */
import type { Style } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { stamp } from '../terminal/time.ts';
import type { AddressStatus, LaneStatus } from './gather.ts';

export interface RangeLine {
  readonly address: string;
  readonly pool: string;
  readonly plan: string | null;
  /** The lane that most needs a look. */
  readonly worst: { readonly provider: string; readonly state: string; readonly binds: string } | null;
  /** Lowest and highest stage of its lanes on the plan, from 1; null: none is on it. */
  readonly stages: { readonly min: number; readonly max: number; readonly of: number } | null;
  readonly sent: number;
  readonly ceiling: number;
  readonly providers: Readonly<
    Record<string, { readonly sent: number; readonly ceiling: number; readonly state: string }>
  >;
  /** It waits for its turn in a range until then, ms. */
  readonly begins: number | null;
}

/** From worst to best. A pause of any cause comes right after quarantine: mail waits, and nothing lifts it by itself. */
const ORDER = [
  'quarantined',
  'paused',
  'stepped-back',
  'cooling',
  'holding',
  'planned',
  'ramping',
  'graduating',
  'warm',
];

export function rangeView(addresses: readonly AddressStatus[], begins: ReadonlyMap<string, number>): RangeLine[] {
  return addresses.map((one) => {
    const [worst] = one.lanes.toSorted((a, b) => ORDER.indexOf(stateOf(a)) - ORDER.indexOf(stateOf(b)));
    const stages = one.lanes.flatMap(({ stage }) => stage ?? []);
    const numbers = stages.map(({ number }) => number);
    return {
      address: one.address,
      pool: one.pool,
      plan: one.ramp === null || one.ramp.endedAt !== null ? null : one.ramp.plan,
      worst: worst === undefined ? null : { provider: worst.provider, state: stateOf(worst), binds: worst.binds.says },
      stages:
        stages.length === 0
          ? null
          : { min: Math.min(...numbers), max: Math.max(...numbers), of: Math.max(...stages.map((stage) => stage.of)) },
      sent: one.lanes.reduce((sum, lane) => sum + lane.sent, 0),
      ceiling: one.lanes.reduce((sum, lane) => sum + lane.ceiling, 0),
      providers: Object.fromEntries(
        one.lanes.map((lane) => [lane.provider, { sent: lane.sent, ceiling: lane.ceiling, state: stateOf(lane) }]),
      ),
      begins: begins.get(one.address) ?? null,
    };
  });
}

/** A table with a line for each address, a column for each provider, and the sum at its end. */
export function renderRange(lines: readonly RangeLine[], zone: string, style: Style, now: number): string[] {
  const providers = [...new Set(lines.flatMap((line) => Object.keys(line.providers)))];
  const rows = lines.map((line) => [
    line.address,
    line.begins === null ? worstText(line, style) : style.dim(beginsText(line.begins, now, zone)),
    stagesText(line),
    ...providers.map((provider) => {
      const lane = line.providers[provider];
      return lane === undefined ? '' : `${lane.sent}/${lane.ceiling}${mark(lane.state, style)}`;
    }),
    `${line.sent}/${line.ceiling}`,
  ]);
  const sum = (of: (line: RangeLine) => number) => lines.reduce((total, line) => total + of(line), 0);
  const total = [
    `${lines.length} addresses`,
    '',
    '',
    ...providers.map(
      (provider) =>
        `${sum((line) => line.providers[provider]?.sent ?? 0)}/${sum((line) => line.providers[provider]?.ceiling ?? 0)}`,
    ),
    `${sum((line) => line.sent)}/${sum((line) => line.ceiling)}`,
  ];
  return [
    ...table(['address', 'worst lane', 'stages', ...providers, 'all'], [...rows, total]),
    ...(rows.length === 0 ? [] : ['sent/ceiling today; ! quarantined or paused, - stepped back, * warm']),
  ];
}

/** A turn that came and was not taken needs a look: a range that waits for somebody, or no worker. */
function beginsText(at: number, now: number, zone: string): string {
  return at > now ? `begins ${stamp(at, zone)}` : `due since ${stamp(at, zone)}`;
}

function stateOf({ phase, pauseReasons }: LaneStatus): string {
  return phase !== 'quarantined' && pauseReasons.length > 0 ? 'paused' : phase;
}

function worstText({ worst }: RangeLine, style: Style): string {
  if (worst === null) return '';
  const text = `${worst.provider} ${worst.state}`;
  if (['quarantined', 'paused', 'stepped-back'].includes(worst.state)) return style.bad(text);
  if (worst.state === 'warm') return style.good('warm');
  return worst.state === 'planned' ? style.dim('not started') : text;
}

function stagesText({ stages }: RangeLine): string {
  if (stages === null) return '';
  const { min, max, of } = stages;
  return min === max ? `${min} of ${of}` : `${min}–${max} of ${of}`;
}

function mark(state: string, style: Style): string {
  if (state === 'quarantined' || state === 'paused') return style.bad('!');
  if (state === 'stepped-back') return style.bad('-');
  return state === 'warm' ? '*' : '';
}
