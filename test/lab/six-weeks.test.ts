/** The shipped six weeks against the providers alone, on a clock the test turns: no sockets, so 42 days take a second. */
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { LabClock } from '../../lab/clock.ts';
import { Provider } from '../../lab/provider.ts';
import { loadScenario } from '../../lab/scenario-file.ts';
import { Schedule } from '../../lab/schedule.ts';
import { messagesOfDay, type PlannedMessage } from '../../lab/traffic.ts';
import { DAY, EPOCH, HOUR } from './support.ts';

const ESTABLISHED = '127.10.0.10';
const RETRY_HOURS = 2;

interface DayResult {
  readonly day: number;
  readonly provider: string;
  readonly deferred: number;
  readonly score: number;
}

/** Sends what `choose` lets through, each deferred recipient once more two hours later; one row a day and provider. */
async function run(sourceIp: string, days: number, choose: (message: PlannedMessage, day: number) => boolean) {
  const scenario = await loadScenario(path.join(import.meta.dirname, '../../lab/scenarios/six-weeks.json'));
  let now = EPOCH;
  const clock = new LabClock({ dayLength: DAY, now: () => now });
  clock.start(EPOCH);
  const schedule = new Schedule(clock, scenario.events);
  const providers = new Map(
    scenario.providers.map((spec) => [spec.key, new Provider({ spec, scenario, clock, schedule })]),
  );
  const mailFrom = 'b@bounce.shop.example';
  const attempt = (message: PlannedMessage) => {
    const provider = providers.get(message.provider);
    const { rcpt } = message;
    const code = provider?.rcpt({ sourceIp, mailFrom, rcpt }).code ?? 0;
    if (code !== 250) return code;
    return provider?.data({ sourceIp, mailFrom, rcpts: [rcpt], messageId: message.id }).reply.code ?? 0;
  };
  const rows: DayResult[] = [];
  for (let day = 0; day < days; day++) {
    const agenda = messagesOfDay(scenario, day)
      .filter((message) => choose(message, day))
      .map((message) => ({ message, at: EPOCH + message.due * DAY, again: false }));
    const deferred = new Map<string, number>();
    for (let next = agenda.shift(); next; next = agenda.shift()) {
      now = Math.max(now, next.at);
      const code = attempt(next.message);
      if (code < 400 || code >= 500) continue;
      if (next.again) deferred.set(next.message.provider, (deferred.get(next.message.provider) ?? 0) + 1);
      else {
        const at = now + RETRY_HOURS * HOUR;
        const place = agenda.findIndex((one) => one.at > at);
        agenda.splice(place < 0 ? agenda.length : place, 0, { ...next, at, again: true });
      }
    }
    for (const [key, provider] of providers) {
      const score = provider.senders().find((one) => one.name === sourceIp)?.reputation.score ?? 100;
      rows.push({ day, provider: key, deferred: deferred.get(key) ?? 0, score });
    }
  }
  return rows;
}

test('an established sender of all the traffic comes to harm by the dead campaign only, and gets over it', async () => {
  const rows = await run(ESTABLISHED, 42, () => true);
  const healthy = rows.filter((row) => row.day < 27);
  assert.deepEqual(
    healthy.filter((row) => row.score < 100 || row.deferred > 0),
    [],
  );
  const harmed = rows.filter((row) => row.day === 27 && row.score <= 70).map((row) => row.provider);
  assert.deepEqual(harmed.toSorted(), ['google', 'yahoo']);
  assert.deepEqual(
    rows.filter((row) => row.day === 41 && row.score < 95),
    [],
  );
});

test('a young sender that grows by half a day is deferred in the clampdown and at no other time', async () => {
  const share = (day: number) => Math.min(1, 0.05 * 1.5 ** day);
  const chosen = (message: PlannedMessage, day: number) => {
    if (message.campaign === 'winback-2019') return false;
    return (Number(message.id.split('-')[1]) % 100) / 100 < share(day);
  };
  const rows = await run('127.10.0.77', 30, chosen);
  const disturbed = rows.filter((row) => row.score < 100 || row.deferred > 0);
  assert.deepEqual(
    disturbed.map((row) => `${row.day} ${row.provider} ${row.score}`),
    ['20 microsoft-consumer 100', '21 microsoft-consumer 100', '22 microsoft-consumer 100'],
  );
});
