import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CalendarMail } from '../../judge/calendar.ts';
import { METRICS } from '../../judge/metrics.ts';
import { Nature } from '../../judge/nature.ts';
import { Random } from '../../judge/random.ts';
import { firstExceeded, highestRates, placeOf, SETTINGS } from '../../judge/thresholds.ts';
import { healthyRates, PARTS, thresholdAt, thresholdsFor } from '../../judge/tune.ts';
import { worldNamed } from '../../judge/worlds.ts';

const CEILINGS = Array.from({ length: 8 }, () => [100, 400, 1_600, 3_000]);
const HOURS = 96;
const healthy = worldNamed('healthy', { cv: 1 });

test('the highest rate of a setting is what a plain search over all windows finds', () => {
  assert.ok(healthy);
  const mail = new CalendarMail(CEILINGS);
  mail.play(new Nature(healthy, new Random(2)), 0, HOURS);
  const rates = highestRates(mail, HOURS);
  const series = mail.lanes + 1;
  for (const [index, { window, volume, events }] of SETTINGS.entries()) {
    for (let metric = 0; metric < METRICS.length; metric++) {
      let most = 0;
      for (let lane = 0; lane < mail.lanes; lane++) {
        for (let hour = 1; hour <= HOURS; hour++) {
          const from = Math.max(0, hour - window);
          const of = (sums: Int32Array | undefined) => (sums?.[hour] ?? 0) - (sums?.[from] ?? 0);
          const [k, n] = [of(mail.events[metric * series + lane]), of(mail.sent[lane])];
          // A rule that looks when something happened sees every new maximum.
          if (k >= events && n >= volume && k / n > most) most = k / n;
        }
      }
      const found = rates[placeOf(metric, false) + index] ?? 0;
      assert.ok(found <= most + 1e-12);
      const reached = Array.from({ length: mail.lanes }, (_, lane) =>
        firstExceeded(
          mail.events[metric * series + lane] as Int32Array,
          mail.sent[lane] as Int32Array,
          { window, volume, events },
          found,
          0,
          HOURS,
        ),
      );
      assert.ok(
        reached.every((hour) => hour === HOURS + 1),
        'nothing exceeds the highest rate',
      );
    }
  }
});

test('thresholds stop as many of the ramps they were made from as they may', () => {
  assert.ok(healthy);
  const ramps = Array.from({ length: 200 }, (_, seed) => healthyRates(CEILINGS, healthy, new Random(1, seed)));
  const share = 0.25;
  const thresholds = thresholdsFor(ramps, share);
  const metric = METRICS.indexOf('deferral');
  const allowed = Math.floor((share / METRICS.length) * ramps.length);
  SETTINGS.forEach((_, setting) => {
    const over = (part: number) =>
      ramps.filter(
        (one) =>
          (one[placeOf(metric, false) + setting] ?? 0) > (thresholds[thresholdAt(metric, false, part, setting)] ?? 0),
      ).length;
    assert.ok(over(0) <= allowed);
    assert.ok(over(PARTS.length - 1) <= Math.floor(allowed * 0.25) + 1);
  });
});
