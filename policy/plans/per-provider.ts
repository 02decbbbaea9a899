/** Schedules published per mailbox provider: Oracle Responsys, Momentum Adaptive Delivery, and a practitioner's. */
import { days, fromTable, type Preset } from './preset.ts';

/** Momentum's limits are per hour and binding. */
const hours = (count: number, hourly: number) => days(count, hourly * 24);

/** +50,000 a day each day of age for 28 days, then 100,000 an hour. */
const MOMENTUM_YAHOO = [...Array.from({ length: 28 }, (_, index) => 50_000 * (index + 1)), ...hours(1, 100_000)];
/** Gmail and Microsoft's consumer hosts alike. */
const MOMENTUM_LARGE = [...hours(14, 10_000), ...hours(1, 100_000)];
const MOMENTUM_AOL = [...hours(4, 1_000), ...hours(6, 10_000), ...hours(1, 100_000)];

export const PER_PROVIDER: readonly Preset[] = [
  fromTable({
    name: 'oracle-7d',
    summary: 'Oracle Responsys: seven days, for lists of up to 50,000 a day',
    source:
      'Oracle Responsys, IP warmup schedule (docs.oracle.com/en/cloud/saas/marketing/responsys-user/Account_IPwarmupSchedule.htm)',
    notes: [
      "the vendor's Hotmail is the lane microsoft-consumer; its Other is the default row",
      'a provider that lacks the volume sends what there is and the others go on: lanes do so by themselves',
      'the vendor asks for no warmup at other domains below 10,000 a day',
    ],
    advance: 'send-days',
    counts: 'lane',
    rows: {
      google: [...days(5, 10_000), ...days(2, 12_500)],
      'microsoft-consumer': [...days(3, 7_500), ...days(2, 10_000), ...days(2, 15_000)],
      yahoo: [...days(3, 5_000), ...days(2, 7_500), ...days(2, 10_000)],
      default: [...days(5, 10_000), ...days(2, 12_500)],
    },
  }),
  fromTable({
    name: 'momentum-ad',
    summary: 'Momentum Adaptive Delivery defaults (2009): large senders, limits by hour and age',
    source:
      'SparkPost, Momentum Adaptive Delivery rules (github.com/SparkPost/support-docs, content/momentum/3/3-ad/ad-appendix-adaptive-rules.md)',
    notes: [
      'the vendor caps each hour of a binding; a stage here is 24 such hours',
      "AOL's hosts are Yahoo's today and follow its row; AOL's old limits, the slowest published, stand for everybody else",
      "where the vendor's comments say less than its rules do, the rules' figures are taken",
      'Sina has a row there (21,600, 36,000 and 54,000 an hour) and no lane here',
      'the vendor steps down by replies and by hourly bounces and complaints; here the gates do',
    ],
    advance: 'calendar',
    counts: 'lane',
    rows: {
      yahoo: MOMENTUM_YAHOO,
      google: MOMENTUM_LARGE,
      'microsoft-consumer': MOMENTUM_LARGE,
      default: MOMENTUM_AOL,
    },
  }),
  fromTable({
    name: 'per-mbp-19d',
    summary: "A practitioner's 19 days: slower at Gmail than elsewhere, to 80,000 a provider",
    source: "a practitioner's published schedule by mailbox provider (archived blog post)",
    notes: ['the page has the same figures for Yahoo, Microsoft, AT&T, Comcast, Charter, Apple and all others'],
    advance: 'gated',
    counts: 'lane',
    rows: {
      google: [...days(3, 5_000), ...days(2, 10_000), ...days(2, 20_000), ...days(6, 40_000), ...days(6, 80_000)],
      default: [...days(7, 20_000), ...days(6, 40_000), ...days(6, 80_000)],
    },
  }),
];
