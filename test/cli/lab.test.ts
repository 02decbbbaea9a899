import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';
import { checkedScenario } from '../../cli/lab/check.ts';
import { openFolder, rampart } from './command-line.ts';

const folder = await openFolder();
after(() => rm(folder, { recursive: true, force: true }));
const SHIPPED = path.join(import.meta.dirname, '../../lab/scenarios/listed.json');

async function world(name: string, more: object): Promise<string> {
  const file = path.join(folder, name);
  const provider = { key: 'other', domains: ['isp.example'], mx: ['mx.isp.example'], dialect: 'other' };
  const traffic = { messagesPerDay: 10, weights: { other: 1 } };
  await writeFile(file, JSON.stringify({ name: 'mine', seed: 1, providers: [provider], traffic, ...more }));
  return file;
}

test('a world that is in order is named with what it has, and what its author may not have meant', async () => {
  const { code, stdout } = await rampart(['lab', 'check', SHIPPED]);
  assert.equal(code, 0);
  assert.match(stdout, /^listed is in order: 10 days, 3 providers, 480 messages a day, 2 events\n$/);
  const remarked = await rampart(['lab', 'check', await world('stranger.json', {}), '--json']);
  assert.equal(remarked.code, 0);
  const { name, providers, notes } = JSON.parse(remarked.stdout);
  assert.deepEqual([name, providers, notes.length, notes[0].place], ['mine', ['other'], 1, 'established']);
});

test('faults of the schema and of sense are lines on stderr with their place, and exit code 2', async () => {
  const events = [{ type: 'outage', provider: 'gogle', fromDay: 1, hours: 2 }];
  const file = await world('wrong.json', { days: 'ten', events });
  const { code, stdout, stderr } = await rampart(['lab', 'check', file]);
  assert.deepEqual([code, stdout], [2, '']);
  assert.match(stderr, /wrong\.json: days: expected a number, found "ten"/);

  const late = await world('late.json', { days: 3, events: [{ ...events[0], provider: 'other', fromDay: 9 }] });
  for (const verb of ['check', 'run']) {
    const refused = await rampart(['lab', verb, late]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /late\.json: events\[0\]\.fromDay: day 9 never comes, the run has days 0 to 2/);
  }
});

test('a provider whose MX hosts Rampart takes for another is refused: its mail would be in no lane', async () => {
  const provider = { key: 'yahoo', domains: ['y.example'], mx: ['mx.y.example'], dialect: 'yahoo' };
  const traffic = { messagesPerDay: 10, weights: { yahoo: 1 } };
  const { code, stderr } = await rampart(['lab', 'check', await world('mx.json', { providers: [provider], traffic })]);
  assert.equal(code, 2);
  assert.match(stderr, /mx\.json: providers\[0\]\.key: Rampart sends mail for mx\.y\.example in its lane "other"/);
});

test('a world may have several new addresses: what happens to any of them is no remark, and silly numbers are faults', async () => {
  const blocklists = [{ zone: 'bl.example' }];
  const events = [{ type: 'listing', blocklist: 'bl.example', network: '127.10.0.14', fromDay: 1, days: 1 }];
  const remarks = async (more: object) => {
    const ran = await rampart(['lab', 'check', await world('range.json', { blocklists, events, ...more }), '--json']);
    assert.equal(ran.code, 0, ran.stderr);
    return JSON.parse(ran.stdout).notes.map(({ place }: { place: string }) => place);
  };
  assert.ok((await remarks({})).includes('events[0].network'));
  assert.ok(!(await remarks({ newcomers: { addresses: 4, perDay: 2 } })).includes('events[0].network'));
  const wrong = await world('many.json', { newcomers: { addresses: 17, perDay: 0 } });
  const { code, stderr } = await rampart(['lab', 'check', wrong]);
  assert.equal(code, 2);
  assert.match(stderr, /newcomers\.addresses: expected a number of at most 16, found 17/);
  assert.match(stderr, /newcomers\.perDay: expected/);
});

test('every shipped world, and the smallest that docs/scenarios.md shows, can be played', async () => {
  const docs = await readFile(path.join(import.meta.dirname, '../../docs/scenarios.md'), 'utf8');
  const smallest = path.join(folder, 'smallest.json');
  await writeFile(smallest, /```\n(\{ "\$schema".*?)```/s.exec(docs)?.[1] ?? '');
  const shipped = path.dirname(SHIPPED);
  const names = (await readdir(shipped)).filter((name) => name !== 'scenario.schema.json');
  for (const file of [smallest, ...names.map((name) => path.join(shipped, name))]) {
    assert.deepEqual((await checkedScenario(file)).notes, [], file);
  }
});

test('a file that is not there or no JSON is said so', async () => {
  assert.match(
    (await rampart(['lab', 'check', path.join(folder, 'none.json')])).stderr,
    /cannot read scenario .*ENOENT/,
  );
  const file = path.join(folder, 'text.json');
  await writeFile(file, '{ "name": ');
  const { code, stderr } = await rampart(['lab', 'check', file]);
  assert.equal(code, 2);
  assert.match(stderr, /text\.json: not JSON/);
});

test('a run never empties a folder that is not its own, and says what its numbers should be', async () => {
  const precious = path.join(folder, 'precious');
  await mkdir(path.join(precious, 'lab'), { recursive: true });
  await writeFile(path.join(precious, 'work.txt'), 'x');
  const refused = await rampart(['lab', 'run', SHIPPED, '--dir', precious]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /precious holds other things, and a run would delete them/);
  const short = await rampart(['lab', 'run', SHIPPED, '--day-length', '5']);
  assert.match(short.stderr, /^rampart: --day-length is "5": give a whole number of at least 1000\n$/);
});
