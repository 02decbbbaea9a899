/** Plans as shares of a final volume: Amazon SES's 45 days, Adobe's four weeks, and people's own. */
import { DEFAULTS } from '../defaults.ts';
import type { AdvanceMode, Plan, PlanInput, Stage } from './model.ts';
import { NO_SEGMENTS, type Preset, refuse, stages } from './preset.ts';
import { checkTargets } from './targets.ts';

/** Ceilings at so many percent of a target (messages a day), whole, at least 1 and at most `most`. */
export function ofTarget(percent: readonly number[], target: number, most: number = DEFAULTS.mostCeiling): number[] {
  return percent.map((share) => Math.max(1, Math.min(most, Math.round((target * share) / 100))));
}

/** Days 1 to 45: Amazon publishes the length and a steady rise, not the days. */
export const SES_PERCENT: readonly number[] = Array.from({ length: 45 }, (_, index) =>
  Math.ceil((100 * (index + 1)) / 45),
);

const SES_CEILING = 50_000;

/** The last week is published as "50–100%": drawn as an even rise. */
export const ADOBE_PERCENT: readonly number[] = [
  ...Array.from({ length: 3 }, () => 0.5),
  ...Array.from({ length: 4 }, () => 1),
  ...Array.from({ length: 7 }, () => 5),
  ...Array.from({ length: 7 }, () => 25),
  ...Array.from({ length: 7 }, (_, index) => 50 + (50 * index) / 6),
];

interface Shape {
  readonly name: string;
  readonly summary: string;
  readonly source: string;
  readonly notes: readonly string[];
  readonly advance: AdvanceMode;
  readonly percent: readonly number[];
  readonly most?: number;
}

function preset({ name, summary, source, notes, advance, percent, most }: Shape): Preset {
  return {
    name,
    summary,
    source,
    takes: [],
    needsTarget: true,
    draw(input: PlanInput): Plan {
      refuse(name, [], input);
      const targets = input.targets ?? {};
      checkTargets(targets);
      const rows: Record<string, Stage[]> = {};
      for (const [key, target] of Object.entries(targets)) rows[key] = stages(ofTarget(percent, target, most));
      return {
        name,
        source,
        notes: [...notes, NO_SEGMENTS],
        advance,
        overflow: 'warm-peers',
        days: percent.length,
        rows,
      };
    },
  };
}

export const PERCENT: readonly Preset[] = [
  preset({
    name: 'ses-45d',
    summary: 'Amazon SES standard warmup: an even rise over 45 days, at most 50,000 a day',
    source:
      'Amazon SES, Warming up dedicated IP addresses (docs.aws.amazon.com/ses/latest/dg/dedicated-ip-warming.html); 50,000 a day: aws.amazon.com/about-aws/whats-new/2017/03/amazon-ses-can-now-automatically-warm-up-your-dedicated-ip-addresses',
    notes: [
      'published: 45 days, a steady rise independent of volume, 50,000 a day at most; the percentage of each day is ours: ceil(100 × day ÷ 45)',
      'the vendor counts an address over all providers; here the share is of the target of each lane',
      'the vendor advances by date and has no gates; here the date advances only past gates that pass',
    ],
    advance: 'calendar',
    percent: SES_PERCENT,
    most: SES_CEILING,
  }),
  preset({
    name: 'adobe-4w',
    summary: "Adobe Journey Optimizer's guide: 0.5% to 100% of the final volume in four weeks",
    source:
      'Adobe, Journey Optimizer IP warmup deliverability guide (github.com/AdobeDocs/journey-optimizer.en, help/using/configuration/ip-warmup-deliverability-guide.md)',
    notes: [
      'days 22 to 28 are published as 50–100%: drawn as an even rise',
      'the vendor counts by domain group; here the share is of the target of each lane',
      'the vendor advises at most 30% growth a week afterwards',
    ],
    advance: 'gated',
    percent: ADOBE_PERCENT,
  }),
];
