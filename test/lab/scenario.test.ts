import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { scenarioJsonSchema } from '../../lab/scenario.ts';
import { loadScenario, parseScenario } from '../../lab/scenario-file.ts';
import { messagesOfDay } from '../../lab/traffic.ts';
import { directoryFor, provider, scenario } from './support.ts';

const SCENARIOS = path.join(import.meta.dirname, '../../lab/scenarios');

test('the JSON schema beside the scenarios is up to date', async () => {
  const file = path.join(SCENARIOS, 'scenario.schema.json');
  assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), JSON.parse(scenarioJsonSchema()));
});

test('every shipped scenario is valid', async () => {
  const names = (await readdir(SCENARIOS)).filter((name) => name.endsWith('.json') && name !== 'scenario.schema.json');
  assert.deepEqual(names.toSorted(), ['hostile.json', 'six-weeks.json', 'ten-days.json']);
  for (const name of names) await loadScenario(path.join(SCENARIOS, name));
});

test('the world that docs/lab.md explains is valid', async () => {
  const text = await readFile(path.join(import.meta.dirname, '../../docs/lab.md'), 'utf8');
  const [, example] = /```json\n(.*?)```/s.exec(text) ?? [];
  assert.equal(parseScenario(JSON.parse(example ?? ''), 'docs/lab.md').events.length, 3);
});

test('a faulty scenario is refused with the place of each fault', async (t) => {
  const file = path.join(await directoryFor(t), 'world.json');
  const good = scenario([provider('isp')]);
  const events = [{ type: 'outage', provider: 'ips', fromDay: 1, hours: 1 }];
  await writeFile(file, JSON.stringify({ ...good, events }));
  await assert.rejects(loadScenario(file), (error: Error) => {
    return error.message.includes(`${file}: events[0].provider: no provider has the key "ips"`);
  });
  await writeFile(file, JSON.stringify({ ...good, providers: [provider('isp', { greylistShare: 2 })] }));
  await assert.rejects(loadScenario(file), /providers\[0\]\.greylistShare/);
  await writeFile(file, '{');
  await assert.rejects(loadScenario(file), /not JSON/);
  await assert.rejects(loadScenario(`${file}.not-there`), /cannot read scenario .*ENOENT/);
});

test('traffic is the same each time, evenly paced, and follows the weights', async () => {
  const world = await loadScenario(path.join(SCENARIOS, 'six-weeks.json'));
  const day = messagesOfDay(world, 3);
  assert.deepEqual(messagesOfDay(world, 3), day);
  assert.equal(day.length, 720);
  const gaps = day.slice(1).map((one, index) => one.due - (day[index]?.due ?? 0));
  assert.ok(Math.max(...gaps) < 1.01 / 720);
  const google = day.filter((one) => one.provider === 'google').length;
  assert.ok(Math.abs(google - 216) < 4 * Math.sqrt(720 * 0.3 * 0.7), `google ${google}`);
});

test('the dead campaign comes on its day, to its providers, half of it to the dead', async () => {
  const world = await loadScenario(path.join(SCENARIOS, 'six-weeks.json'));
  const campaign = messagesOfDay(world, 27).filter((one) => one.campaign === 'winback-2019');
  assert.equal(campaign.length, 150);
  assert.deepEqual(new Set(campaign.map((one) => one.provider)), new Set(['google', 'yahoo']));
  const dead = campaign.filter((one) => one.rcpt.startsWith('gone-')).length;
  assert.ok(dead > 50 && dead < 100, `dead ${dead}`);
  assert.ok(!messagesOfDay(world, 26).some((one) => one.campaign === 'winback-2019'));
});
