/** What a shipped plan is: figures somebody published, with the page, and how they are drawn up for lanes. */
import { type AdvanceMode, type Plan, PlanError, type PlanInput, type Segment, type Stage } from './model.ts';
import { checkFigures, figureFor } from './targets.ts';

export interface Preset {
  readonly name: string;
  /** One line for lists. */
  readonly summary: string;
  readonly source: string;
  /** Options it takes beyond targets. */
  readonly takes: readonly ('start' | 'days' | 'growth' | 'shares')[];
  /** It can not be drawn up without a target. */
  readonly needsTarget: boolean;
  draw(input: PlanInput): Plan;
}

/** A published schedule: ceilings a day, by row. */
export interface Table {
  readonly name: string;
  readonly summary: string;
  readonly source: string;
  readonly notes: readonly string[];
  readonly advance: AdvanceMode;
  readonly stageShare?: number;
  /** `lane`: the figures are a provider's own. `address`: the vendor counts an address's mail to all providers. */
  readonly counts: 'lane' | 'address';
  readonly rows: Readonly<Record<string, readonly number[]>>;
  /** The ceiling after the last one, where the vendor says how it goes on; undefined: it ends. */
  readonly next?: (row: readonly number[]) => number;
}

/** No provider sees more than the vendor's schedule would let it see, and the address as a whole may send more. */
export const WHOLE_ADDRESS =
  'the vendor counts an address over all providers; here each lane has these figures, so that no provider sees more than the vendor would let it see, and the address as a whole may send more: shares (--share) split them';

/** Vendors publish volumes, not recipients. */
export const NO_SEGMENTS = 'no segments are published: every stage admits all recipients';

/** Stages that admit everybody. */
export function stages(ceilings: readonly number[], segment: Segment = 'all'): Stage[] {
  return ceilings.map((ceiling) => ({ ceiling, segment }));
}

/** The same figure for so many days. */
export function days(count: number, ceiling: number): number[] {
  return Array.from({ length: count }, () => ceiling);
}

/** A schedule as a preset: cut at the targets, split by shares where it counts the whole address. */
export function fromTable(table: Table): Preset {
  const { name, summary, source, notes, advance, stageShare, counts } = table;
  const split = counts === 'address';
  const takes = split ? (['shares'] as const) : [];
  return {
    name,
    summary,
    source,
    takes,
    needsTarget: false,
    draw(input) {
      refuse(name, takes, input);
      checkFigures(input);
      const keys = new Set([...Object.keys(table.rows), ...Object.keys(input.targets ?? {})]);
      for (const key of Object.keys(input.shares ?? {})) keys.add(key);
      const rows: Record<string, Stage[]> = {};
      for (const key of keys) {
        const published = table.rows[key] ?? table.rows.default ?? [];
        const target = figureFor(input.targets, key);
        rows[key] = stages(upTo(published, figureFor(input.shares, key) ?? 1, target, table.next));
      }
      return {
        name,
        source,
        notes: [...notes, ...(split && input.shares === undefined ? [WHOLE_ADDRESS] : []), NO_SEGMENTS],
        advance,
        ...(stageShare === undefined ? {} : { stageShare }),
        overflow: 'warm-peers',
        days: Math.max(...Object.values(rows).map((row) => row.length)),
        rows,
      };
    },
  };
}

/** Refuses figures that a plan has of its own. Throws PlanError `bad-input`. */
export function refuse(name: string, takes: Preset['takes'], input: PlanInput): void {
  for (const option of ['start', 'days', 'growth', 'shares'] as const) {
    if (input[option] === undefined || takes.includes(option)) continue;
    const why = option === 'shares' ? 'its figures are per provider already' : `it has its own ${WORDS[option]}`;
    throw new PlanError('bad-input', `plan ${name} takes no --${option === 'shares' ? 'share' : option}: ${why}`);
  }
}

const WORDS = { start: 'first day', days: 'days', growth: 'growth' } as const;

/** Published ceilings × share, up to the target; its last stage is the target, if the schedule goes that far. */
function upTo(published: readonly number[], share: number, target: number | undefined, next: Table['next']): number[] {
  const scaled = (figure: number) => Math.max(1, Math.round(figure * share));
  const row: number[] = [...published];
  if (target === undefined) return row.map(scaled);
  const last = Math.max(1, Math.round(target));
  while (next !== undefined && scaled(row.at(-1) ?? 0) < last) row.push(next(row));
  const below = row.map(scaled).filter((ceiling) => ceiling < last);
  return below.length === row.length ? below : [...below, last];
}
