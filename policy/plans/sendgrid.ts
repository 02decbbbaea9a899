/** Twilio SendGrid's two schedules: the automatic one (a cap an hour) and the manual one (a cap a day). */
import { fromTable } from './preset.ts';

/** Messages an hour and address, days 0 to 41; about ×1.4 a day, with day 12 rounded down. */
export const HOURLY: readonly number[] = [
  20, 28, 39, 55, 77, 108, 151, 211, 295, 413, 579, 810, 1_000, 1_587, 2_222, 3_111, 4_356, 6_098, 8_583, 11_953,
  16_734, 23_427, 32_798, 45_917, 64_284, 89_998, 125_997, 176_395, 246_953, 345_735, 484_029, 677_640, 948_696,
  1_328_175, 1_859_444, 2_603_222, 3_644_511, 5_102_316, 7_143_242, 10_000_539, 14_000_754, 19_601_056,
];

export const SENDGRID_AUTO = fromTable({
  name: 'sendgrid-auto',
  summary: 'Twilio SendGrid automated warmup: 42 days, ×1.4 a day',
  source:
    'Twilio SendGrid, IP warmup schedule (sendgrid.kke.co.jp/docs/API_Reference/Web_API_v3/IP_Management/ip_warmup_schedule.html)',
  notes: [
    'the vendor caps each hour; a stage here is 24 such hours, and the pace of a lane allows at most twice an even hour',
    'the vendor advances by date and has no gates; here the date advances only past gates that pass',
  ],
  advance: 'calendar',
  counts: 'address',
  rows: { default: HOURLY.map((hour) => hour * 24) },
});

export const SENDGRID_MANUAL = fromTable({
  name: 'sendgrid-manual',
  summary: 'Twilio SendGrid manual schedule: 24 days, doubling and more',
  source:
    "Twilio SendGrid, IPWarmupSchedule.pdf, as kept in StrongGrid's WarmupSettings (github.com/Jericho/StrongGrid)",
  notes: [],
  advance: 'gated',
  counts: 'address',
  rows: {
    default: [
      50, 100, 500, 1_000, 5_000, 10_000, 20_000, 40_000, 70_000, 100_000, 150_000, 250_000, 400_000, 600_000,
      1_000_000, 2_000_000, 4_000_000, 8_000_000, 16_000_000, 32_000_000, 64_000_000, 128_000_000, 256_000_000,
      512_000_000,
    ],
  },
});
