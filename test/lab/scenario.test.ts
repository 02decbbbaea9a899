import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { scenarioJsonSchema } from '../../lab/scenario.ts';
import { checkScenario } from '../../lab/scenario-check.ts';
import { eventSchema } from '../../lab/scenario-events.ts';
import { loadScenario, parseScenario } from '../../lab/scenario-file.ts';
import { eventKinds, referenceText, scenarioFields } from '../../lab/scenario-reference.ts';
import { messagesOfDay } from '../../lab/traffic.ts';
import { directoryFor, provider, scenario } from './support.ts';

const DOCS = path.join(import.meta.dirname, '../../docs/scenarios.md');
const SCENARIOS = path.join(import.meta.dirname, '../../lab/scenarios');

test('the JSON schema beside the scenarios is up to date', async () => {
  const file = path.join(SCENARIOS, 'scenario.schema.json');
  assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), JSON.parse(scenarioJsonSchema()));
});

const shipped = async () =>
  (await readdir(SCENARIOS)).filter((name) => name.endsWith('.json') && name !== 'scenario.schema.json').toSorted();

test('every shipped scenario is valid, without a fault or a remark, and docs/scenarios.md tells of it', async () => {
  const names = await shipped();
  assert.ok(names.length >= 8);
  const docs = await readFile(DOCS, 'utf8');
  for (const name of names) {
    const world = await loadScenario(path.join(SCENARIOS, name));
    assert.deepEqual(checkScenario(world, ['127.10.0.10', '127.10.0.11']), { faults: [], notes: [] }, name);
    assert.ok(docs.includes(`| \`${name}\``), `${name} is not in docs/scenarios.md`);
  }
});

test('the worlds that docs/scenarios.md explains are valid', async () => {
  const text = await readFile(DOCS, 'utf8');
  const [, smallest] = /```\n(\{ "\$schema".*?)```/s.exec(text) ?? [];
  assert.equal(parseScenario(JSON.parse(smallest ?? ''), 'the smallest').providers.length, 1);
  const [, example] = /```json\n(.*?)```/s.exec(text) ?? [];
  assert.equal(parseScenario(JSON.parse(example ?? ''), 'docs/scenarios.md').events.length, 3);
});

const withoutLayout = (text: string) =>
  text
    .replace(/ *\| */g, '|')
    .replace(/-{3,}/g, '---')
    .trim();

test('the reference in docs/scenarios.md is that of the schema', async () => {
  const [, written] = (await readFile(DOCS, 'utf8')).split('<!-- From here on: node lab/main.ts reference -->');
  assert.equal(withoutLayout(written ?? ''), withoutLayout(referenceText()));
});

test('every value of the schema says what it means, and of a number in what unit', () => {
  const unit =
    /hours?|days?|milliseconds|recipients?|messages?|share|0 to 1|times|complaints|mailboxes|number|connections|weight/i;
  for (const { path: place, says, type } of scenarioFields()) {
    if (/\.type$/.test(place)) continue;
    assert.ok(says.length > 8, `${place} says nothing`);
    if (/number/.test(type) && place !== 'seed') assert.match(says, unit, `${place} names no unit: ${says}`);
  }
});

test('every value has a default, its few choices, or an example; whole parts have one in the worlds', () => {
  const parts = ['providers', 'traffic'];
  const bare = scenarioFields().filter(({ path: place, type, default: otherwise, examples }) => {
    return otherwise === 'none' && examples.length === 0 && !/[`"]/.test(type) && !parts.includes(place);
  });
  assert.deepEqual(
    bare.map((field) => field.path),
    [],
  );
});

test('the example of every event is an event', () => {
  const events = eventKinds();
  assert.equal(events.length, 13);
  for (const { type, says, example } of events) {
    assert.ok(says.length > 20, type);
    assert.equal(eventSchema.parse(example).type, type);
  }
});

test('every value of the schema is used by the lab or its run, and none is used that is not in it', async () => {
  const root = path.join(import.meta.dirname, '../..');
  const folders = ['lab', 'cli/lab', 'cli/demo'];
  let code = '';
  for (const folder of folders) {
    for (const name of await readdir(path.join(root, folder))) {
      // What only defines a value, or explains it, does not use it.
      if (!name.endsWith('.ts') || name.startsWith('scenario')) continue;
      code += (await readFile(path.join(root, folder, name), 'utf8')).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    }
  }
  const fields = scenarioFields().filter(({ path: place }) => !['$schema', 'about', 'seed'].includes(place));
  const unused = fields.filter(({ path: place }) => {
    const name = place.split('.').at(-1) ?? '';
    return !new RegExp(`\\b${name}\\b`).test(code);
  });
  // An event's span is computed once, beside its schema.
  const spans = /\.(fromDay|day|hours|days|type)$/;
  assert.deepEqual(
    unused.map((field) => field.path).filter((place) => !spans.test(place)),
    [],
  );
  // Vice versa: the schema is strict, so what a scenario may not have does not type-check where it is used.
  const strict = {
    name: 'x',
    seed: 1,
    providers: [provider('isp')],
    traffic: { messagesPerDay: 1, weights: { isp: 1 } },
  };
  assert.throws(() => parseScenario({ ...strict, unheard: 1 }, 'x'), /nothing is called "unheard" here/);
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
