/**
 * The shipped worlds stay what they were: every planned message and every answer of the providers to it, on a clock the test
 * turns, makes up one digest. A new behaviour must not change it unless a scenario asks for it; who changes a shipped
 * scenario on purpose writes the new digest here.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import path from 'node:path';
import test from 'node:test';
import { LabClock } from '../../lab/clock.ts';
import { Provider } from '../../lab/provider.ts';
import { loadScenario } from '../../lab/scenario-file.ts';
import { Schedule } from '../../lab/schedule.ts';
import { messagesOfDay } from '../../lab/traffic.ts';
import { DAY, EPOCH, HOUR } from './support.ts';

const SOURCES = ['127.10.0.10', '127.10.0.11', '127.10.0.12'];
const RETRY_HOURS = 2;

/** Sends all messages from three addresses in turn, each deferred one once more; SHA-256 of all that was planned and said. */
async function digestOf(name: string, days: number): Promise<string> {
  const scenario = await loadScenario(path.join(import.meta.dirname, '../../lab/scenarios', name));
  let now = EPOCH;
  const clock = new LabClock({ dayLength: DAY, now: () => now });
  clock.start(EPOCH);
  const schedule = new Schedule(clock, scenario.events);
  const providers = new Map(
    scenario.providers.map((spec) => [spec.key, new Provider({ spec, scenario, clock, schedule })]),
  );
  const digest = createHash('sha256');
  const mailFrom = 'v1@bounce.shop.example';
  const planned = Array.from({ length: days }, (_, day) => messagesOfDay(scenario, day)).flat();
  const agenda = planned
    .flatMap((message, index) => {
      const first = { message, sourceIp: SOURCES[index % SOURCES.length] ?? '', at: EPOCH + message.due * DAY };
      return [
        { ...first, again: false },
        { ...first, at: first.at + RETRY_HOURS * HOUR, again: true },
      ];
    })
    .sort((a, b) => a.at - b.at);
  const deferred = new Set<string>();
  for (const { message, sourceIp, at, again } of agenda) {
    if (again && !deferred.has(message.id)) continue;
    now = at;
    const provider = providers.get(message.provider);
    if (!provider) throw new Error(`no provider ${message.provider}`);
    const { rcpt } = message;
    let answer = provider.rcpt({ sourceIp, mailFrom, rcpt });
    let placement: string | null = null;
    if (answer.code === 250) {
      const said = provider.data({ sourceIp, mailFrom, rcpts: [rcpt], messageId: message.id });
      answer = said.reply;
      placement = said.placement;
    }
    if (answer.code >= 400 && answer.code < 500) deferred.add(message.id);
    const { code, text } = answer;
    digest.update(`${JSON.stringify([message, sourceIp, again, { code, text }, placement])}\n`);
  }
  return digest.digest('hex');
}

test('ten-days.json is the world it was', async () => {
  assert.equal(await digestOf('ten-days.json', 10), 'a20b9d6c09d0e0c271324a7780f3a756a03ea28a191eb01f880d2eece86ec85c');
});

test('six-weeks.json is the world it was', async () => {
  assert.equal(
    await digestOf('six-weeks.json', 42),
    'b3620eb593ea3f3a1215faf7b993859125da1511d862913c079445a25b4ee0f3',
  );
});
