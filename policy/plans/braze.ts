/** Braze's three example schedules. Its automated warmup holds the next day when a metric is bad: so do our gates. */
import { days, fromTable, type Preset, type Table } from './preset.ts';

const SOURCE =
  'Braze, IP warming (github.com/braze-inc/braze-docs, _docs/_user_guide/message_building_by_channel/email/email_setup/ip_warming.md)';

const braze = (name: string, summary: string, row: readonly number[], notes: string[], next?: Table['next']): Preset =>
  fromTable({
    name,
    summary,
    source: SOURCE,
    notes,
    advance: 'gated',
    counts: 'address',
    rows: { default: row },
    ...(next === undefined ? {} : { next }),
  });

export const BRAZE: readonly Preset[] = [
  braze(
    'braze-conservative',
    'Braze conservative: each level for three days, then doubling every third day',
    [50, 100, 500, 1_000, 2_000, 4_000, 8_000].flatMap((level) => days(3, level)),
    ['from day 22 on the level doubles every three days, up to the target'],
    // Three days a level: the next one is twice what was sent three days before.
    (row) => 2 * (row.at(-3) ?? 0),
  ),
  braze(
    'braze-moderate',
    'Braze moderate: 21 days to 1,000,000',
    [
      50, 100, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 25_000, 35_000, 50_000, 75_000, 100_000, 150_000, 200_000,
      275_000, 375_000, 500_000, 650_000, 825_000, 1_000_000,
    ],
    ['the vendor says to go on after day 21, and not how: the plan ends there'],
  ),
  braze(
    'braze-aggressive',
    "Braze aggressive: 17 days to 4,000,000, then doubling (SendGrid's manual figures)",
    [
      50, 100, 500, 1_000, 5_000, 10_000, 20_000, 40_000, 70_000, 100_000, 150_000, 250_000, 400_000, 600_000,
      1_000_000, 2_000_000, 4_000_000,
    ],
    ['from day 18 on the volume doubles every day, up to the target'],
    (row) => 2 * (row.at(-1) ?? 0),
  ),
];
