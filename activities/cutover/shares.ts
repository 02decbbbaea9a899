/** From volumes and grants to each provider's share in this window, and what the next rung would need. */
import { type Window, windowAt } from '../../policy/calendar.ts';
import { ladderOf, type Rung, rungAt } from '../../policy/cutover/ladder.ts';
import { carries, ceilingFor, effectiveShare, type Share } from '../../policy/cutover/share.ts';
import { STREAMS, type Stream, type Thresholds } from '../../policy/cutover/split.ts';
import { floorOf, isReached, pointsAt, thresholdsOf } from '../../policy/cutover/thresholds.ts';
import type { Queryable } from '../../store/connect.ts';
import {
  type ArmCapacity,
  armCapacity,
  armSenders,
  type FrontVolume,
  frontVolumes,
  keepVolumes,
  keptVolumes,
  type ShareRow,
  sharesOf,
} from '../../store/cutover-shares.ts';
import type { CutoverRow } from '../../store/cutovers.ts';
import { poolRows } from '../../store/pools.ts';
import type { SplitRow } from '../../store/splits.ts';

/** Windows whose busiest day is the forecast. */
const LOOKBACK = 7;

export interface Situation {
  readonly window: Window;
  readonly ladder: readonly Rung[];
  /** Busiest day of the last week, by the new arm's provider and stream. */
  readonly forecast: (provider: string, stream: Stream) => number;
  readonly providers: readonly string[];
  readonly capacity: ReadonlyMap<string, ArmCapacity> | null;
  /** Messages of the front in this window so far, and in all windows looked at. */
  readonly today: number;
  readonly seen: number;
  readonly hasMail: (stream: Stream) => boolean;
  readonly floorMessages: number;
  readonly split: SplitRow;
  /** Shares of the last window before this one, points; 0 where there was none. */
  readonly before: (provider: string, stream: Stream) => number;
}

/** Reads what shares are made of. */
export async function situationOf(db: Queryable, row: CutoverRow, split: SplitRow, window: Window): Promise<Situation> {
  const pool = (await poolRows(db)).find(({ name }) => name === row.newArm);
  const rows = await armCapacity(db, row.newArm, window.index);
  const capacity = pool?.upstream != null ? null : new Map(rows.map((one) => [one.provider, one]));
  const lane = laneOf(capacity);
  const volumes = (await volumesOf(db, row, window)).map((one) => ({ ...one, provider: lane(one.provider) }));
  const inScope = volumes.filter((one) => row.scope.streams?.includes(one.stream) ?? true);
  const perDay = peaks(inScope);
  const providers = [...new Set([...(capacity?.keys() ?? []), ...inScope.map(({ provider }) => provider)])].filter(
    (provider) => row.scope.providers?.includes(provider) ?? true,
  );
  const earlier = await sharesOf(db, row.id, window.index - LOOKBACK);
  return {
    ...{ window, providers, capacity, split, ladder: ladderOf(row.plan, row.scope) },
    forecast: (provider, stream) => perDay.get(`${stream} ${provider}`) ?? 0,
    today: inScope.reduce((sum, one) => sum + (one.window === window.index ? one.messages : 0), 0),
    seen: inScope.reduce((sum, one) => sum + one.messages, 0),
    hasMail: (stream) => inScope.some((one) => one.stream === stream),
    floorMessages: row.plan.floor.perDay * (await armSenders(db, row.oldArm)),
    before: (provider, stream) => {
      const past = earlier.filter(
        (one) => one.provider === provider && one.stream === stream && one.window < window.index,
      );
      // A retreat within the window before counts as well: the growth is from where the line stands.
      const last = past.at(-1)?.points;
      return last ?? 0;
    },
  };
}

/** Mail of the last week; windows that are over were counted when they were. */
async function volumesOf(db: Queryable, row: CutoverRow, window: Window): Promise<FrontVolume[]> {
  const kept = await keptVolumes(db, row.id, window.index - LOOKBACK);
  const last = Math.max(window.index - LOOKBACK, ...kept.map((one) => one.window));
  const open = Array.from({ length: Math.min(LOOKBACK, window.index - last) + 1 }, (_, n) =>
    windowAt(window.index - n, row.calendar),
  );
  const fresh = await frontVolumes(db, row.front, open);
  const indexes = open.map(({ index }) => index);
  await keepVolumes(db, row.id, indexes, fresh);
  return [...kept.filter((one) => !indexes.includes(one.window)), ...fresh];
}

export interface Shares {
  readonly rows: readonly ShareRow[];
  readonly thresholds: Thresholds;
  /** What the rung says, no faster than a share may grow: beyond the thresholds it is overflow. */
  readonly step: Thresholds;
  readonly floor: Readonly<Record<string, number>>;
  readonly reached: boolean;
  /** What binds the share below its rung, in words; null: nothing. */
  readonly limit: string | null;
  /** Messages the new arm is about to get a day. */
  readonly perDay: number;
}

/** Shares at a rung. `raises` false: nowhere above what is in force (a hold, a cool-down). */
export function sharesAt(
  row: CutoverRow,
  of: Situation,
  rung: number,
  next: number | undefined,
  raises: boolean,
): Shares {
  const { ladder, window, providers, capacity } = of;
  const points = rungAt(ladder, rung);
  const floorMost = row.plan.floor.mostShare;
  const made = providers.flatMap((provider) => {
    const units = capacity === null ? null : (capacity.get(provider)?.units ?? 0);
    return STREAMS.flatMap((stream) => {
      const forecast = of.forecast(provider, stream);
      const grants = units === null ? null : units * partOf(of, provider, stream, points);
      const before = of.before(provider, stream);
      const input = {
        step: points[stream],
        before,
        uncapped: row.plan.uncapped,
        forecast,
        floor: of.floorMessages,
        floorMost,
      };
      const share = effectiveShare({ ...input, grants });
      const now = pointsAt(of.split.thresholds, stream, provider);
      const least: Share =
        raises || share.points <= now ? share : { points: now, binds: share.binds, offered: (forecast * now) / 100 };
      const wanted = effectiveShare({ ...input, grants: null }).points;
      const needed = next === undefined ? 0 : ceilingFor(forecast, rungAt(ladder, next)[stream]);
      return [{ provider, stream, share: least, wanted, forecast, grants: units, needed, step: points[stream] }];
    });
  });
  const rows = made.map(({ provider, stream, share, step, forecast, grants, needed }) => ({
    ...{
      window: window.index,
      stream,
      provider,
      points: share.points,
      binds: share.binds,
      step,
      forecast,
      grants,
      needed,
    },
  }));
  const relevant = rows.filter((one) => one.forecast > 0);
  const low = relevant.filter((one) => one.points < one.step - 1e-9 && one.binds !== 'floor');
  return {
    rows,
    thresholds: thresholdsOf(rows),
    step: thresholdsOf(made.map(({ provider, stream, wanted }) => ({ provider, stream, points: wanted }))),
    floor: floorOf(
      new Map(
        providers.map((provider) => [
          provider,
          STREAMS.reduce((sum, stream) => sum + of.forecast(provider, stream), 0),
        ]),
      ),
      { messages: of.floorMessages, mostShare: floorMost },
    ),
    reached: rung >= 0 && isReached(relevant, ladder, rung),
    limit:
      low.length === 0
        ? null
        : low.map((one) => `${one.provider} ${one.points.toFixed(1)}% by ${one.binds}`).join(', '),
    perDay: made.reduce((sum, { share }) => sum + share.offered, 0),
  };
}

/** Providers whose grants do not carry a rung. */
export function tooSmallFor(of: Situation, rung: number): { provider: string; ceiling: number; needs: number }[] {
  if (of.capacity === null) return [];
  const { capacity, ladder } = of;
  const points = rungAt(ladder, rung);
  return of.providers.flatMap((provider) => {
    const ceiling = capacity.get(provider)?.next ?? 0;
    const mail = STREAMS.reduce((sum, stream) => sum + (of.forecast(provider, stream) * points[stream]) / 100, 0);
    return carries(ceiling, mail, 100) ? [] : [{ provider, ceiling, needs: ceilingFor(mail, 100) }];
  });
}

/** Providers at which lanes of the new arm are stopped for the sender's reputation. */
export function stoppedAt({ capacity }: Situation): string[] {
  return [...(capacity?.values() ?? [])]
    .filter((one) => one.stopped > 0 && 2 * one.stopped >= one.lanes)
    .map(({ provider }) => provider);
}

/** A provider without lanes of its own goes through those of `other`. */
export function laneOf(capacity: { has(provider: string): boolean } | null): (provider: string) => string {
  return (provider) => (capacity === null || capacity.has(provider) || !capacity.has('other') ? provider : 'other');
}

/** Both streams of a provider share its grants by what the rung wants of each. */
function partOf(of: Situation, provider: string, stream: Stream, points: Rung): number {
  const wants = (one: Stream) => of.forecast(provider, one) * points[one];
  const all = wants('marketing') + wants('transactional');
  return all > 0 ? wants(stream) / all : 1;
}

function peaks(volumes: readonly FrontVolume[]): ReadonlyMap<string, number> {
  const days = new Map<string, number>();
  for (const { provider, stream, window, messages } of volumes) {
    const day = `${window} ${stream} ${provider}`;
    days.set(day, (days.get(day) ?? 0) + messages);
  }
  const peaks = new Map<string, number>();
  for (const [day, messages] of days) {
    const key = day.slice(day.indexOf(' ') + 1);
    peaks.set(key, Math.max(peaks.get(key) ?? 0, messages));
  }
  return peaks;
}
