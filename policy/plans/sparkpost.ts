/** SparkPost's (Bird's) automated IP warmup: stages that end when most of their volume was delivered. */
import { fromTable } from './preset.ts';

export const SPARKPOST = fromTable({
  name: 'sparkpost',
  summary: 'SparkPost automated IP warmup: 29 stages, each ends at 90% of its volume',
  source: 'SparkPost, Automated IP warmup (support.sparkpost.com/docs/user-guide/automated-ip-warmup)',
  notes: [
    'the vendor looks once a day and asks for 90% of the stage within that day; here the volume adds up over the days of a stage',
    'the vendor switches its warmup off after 10 days without progress; here the lane holds and says why',
    'stage 28 is 7,500,000 (one of the vendor\'s pages has the slip "7,50,000")',
  ],
  advance: 'volume-stage',
  stageShare: 0.9,
  counts: 'address',
  rows: {
    default: [
      200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 40_000, 50_000, 75_000, 100_000, 150_000, 200_000, 250_000,
      325_000, 400_000, 500_000, 600_000, 750_000, 1_000_000, 1_250_000, 1_750_000, 2_000_000, 3_000_000, 4_250_000,
      5_000_000, 6_000_000, 7_500_000, 10_000_000,
    ],
  },
});
