import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { better } from '../../mta/clock.ts';
import { windowAt, windowOf } from '../../policy/calendar.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { startSink } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

const COLD = '127.36.0.1';
const MX = '127.37.0.1';
const HOUR = 3_600_000;

test('the reading that is kept is never further off than the one that just came, nor than the drift allows', () => {
  const reading = fc.record({
    jitter: fc.double({ min: -1, max: 1, noNaN: true }),
    error: fc.double({ min: 0.1, max: 500, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(reading, { minLength: 1, maxLength: 30 }), (readings) => {
      const truth = 1_000_000;
      let known: ReturnType<typeof better> | undefined;
      readings.forEach(({ jitter, error }, n) => {
        known = better(known, { offset: truth + jitter * error, error, at: n * 1_000 });
        const bound = Math.min(...readings.slice(0, n + 1).map((one, k) => one.error + 1e-4 * (n - k) * 1_000));
        assert.ok(Math.abs(known.offset - truth) <= bound + 1e-6);
      });
    }),
  );
  const known = { offset: 0, error: 5, at: 0 };
  assert.equal(better(known, { offset: HOUR, error: 400, at: 1_000 }).offset, HOUR, 'the store was set: followed');
});

for (const step of [HOUR, -HOUR]) {
  test(`a machine whose clock is stepped by ${step / HOUR} h sends no unit more, and goes on`, async (context) => {
    const file = path.join(databases.folder, `step-${step}`);
    writeFileSync(file, '0');
    const options = process.env.NODE_OPTIONS;
    process.env.NODE_OPTIONS = `--import=${path.join(import.meta.dirname, 'stepped-clock.ts')}`;
    process.env.RAMPART_TEST_CLOCK = file;
    context.after(() => {
      if (options === undefined) delete process.env.NODE_OPTIONS;
      else process.env.NODE_OPTIONS = options;
      delete process.env.RAMPART_TEST_CLOCK;
    });
    const world = await MailWorld.start(context, databases, { dayLength: 5_000 });
    const sink = await startSink(MX, world.smtpPort);
    context.after(() => sink.stop());
    world.domain('provider.example', [['mx.provider.example', MX]]);
    await world.lane(COLD, 'other', 'ramping');
    await world.mail(600);
    await Promise.all([world.mta('mta-1'), world.mta('mta-2')]);
    const units = 50;
    const first = await world.grant(COLD, 'other', units, 1);
    for (const ahead of [2, 3]) await world.grant(COLD, 'other', units, ahead);
    await world.grant(COLD, 'other', 0, 4);
    // Windows an hour away have a grant too: whoever believes its own clock would find units there.
    for (const side of [-1, 0, 1])
      await world.grant(COLD, 'other', 5_000, first - windowOf(Date.now(), world.calendar).index + side + step / 5_000);
    await until('it sends', () => sink.rcpts.length > units / 3, 30_000);
    writeFileSync(file, String(step));
    await sleep(windowAt(first + 3, world.calendar).start + 300 - Date.now());
    const counts = [0, 1, 2, 3].map(
      (n) => sink.rcpts.filter((one) => windowOf(one.at, world.calendar).index === first + n).length,
    );
    assert.equal(counts[3], 0, String(counts));
    for (const count of counts.slice(0, 3)) assert.ok(count <= units, String(counts));
    for (const count of counts.slice(1, 3)) assert.ok(count >= 0.8 * units, `it goes on: ${counts}`);
  });
}
