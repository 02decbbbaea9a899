/** What is said of a scenario with a fault: where it is, what was expected, what stands there. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { checkScenario } from '../../lab/scenario-check.ts';
import { parseScenario } from '../../lab/scenario-file.ts';
import { type Overrides, provider, scenario } from './support.ts';

const SENDERS = ['127.10.0.10', '127.10.0.11'];
const HISTORY = { established: [{ ip: '127.10.0.10', daily: { isp: 24 } }] };

function refused(overrides: Overrides, isp: Overrides = {}, traffic: Overrides = {}): string {
  const base = { name: 'x', seed: 1, providers: [provider('isp', isp)] };
  const sends = { messagesPerDay: 10, weights: { isp: 1 }, ...traffic };
  try {
    parseScenario({ ...base, traffic: sends, ...overrides }, 'w.json');
  } catch (error) {
    return (error as Error).message;
  }
  return 'no fault';
}

const event = (more: Overrides) => ({ events: [{ provider: 'isp', fromDay: 1, days: 1, ...more }] });

const FAULTS: readonly (readonly [string, string])[] = [
  [refused({ name: 5 }), 'w.json: name: expected a string, found 5'],
  [refused({ name: undefined }), 'w.json: name: is missing: expected a string'],
  [refused({ days: 0 }), 'w.json: days: expected a number of at least 1, found 0'],
  [refused({ seed: 1.5 }), 'w.json: seed: expected a whole number, found 1.5'],
  [refused({}, { missingShare: 2 }), 'w.json: providers[0].missingShare: expected a number of at most 1, found 2'],
  [refused({}, { mx: [] }), 'w.json: providers[0].mx: expected at least 1 entries, found []'],
  [
    refused({}, { dayStartsAtHour: 24 }),
    'w.json: providers[0].dayStartsAtHour: expected a number of less than 24, found 24',
  ],
  [refused({}, { fbl: 'yes' }), 'w.json: providers[0].fbl: expected true or false, found "yes"'],
  [refused({}, { greylistBy: 'x' }), 'w.json: providers[0].greylistBy: expected "address" or "netblock", found "x"'],
  [refused({}, { fbls: true }), 'w.json: providers[0]: nothing is called "fbls" here: see docs/scenarios.md'],
  [
    refused({}, {}, { weights: { gogle: 1 } }),
    'w.json: traffic.weights.gogle: no provider has the key "gogle", only isp',
  ],
  [
    refused(event({ type: 'outtage' })),
    'w.json: events[0].type: no such event: see docs/scenarios.md for the types there are',
  ],
  [
    refused(event({ type: 'clampdown', provider: 'ips' })),
    'w.json: events[0].provider: no provider has the key "ips", only isp',
  ],
  [
    refused(event({ type: 'feed-gap' })),
    'w.json: events[0].provider: "isp" has no feedback loop: give it `"fbl": true`',
  ],
  [refused(event({ type: 'seed-outage' })), 'w.json: events[0].provider: "isp" has no seed mailboxes: give it `seeds`'],
  [
    refused(event({ type: 'bad-neighbour', network: '10.0.0.0/24', damage: 1 })),
    'w.json: events[0].provider: "isp" does not judge networks: give it `netblockReputation`',
  ],
  [
    refused({ events: [{ type: 'listing', blocklist: 'bl.x', network: '10.0.0.1', fromDay: 1, days: 1 }] }),
    'w.json: events[0].blocklist: no blocklist has the zone "bl.x", only none',
  ],
  [
    refused({}, { blocklists: [{ zone: 'bl.x' }] }),
    'w.json: providers[0].blocklists[0].zone: no blocklist of this world has the zone "bl.x"',
  ],
  [
    refused({}, { greylistMinHours: 3, greylistMaxHours: 1 }),
    'w.json: providers[0].greylistMinHours: must not be above greylistMaxHours',
  ],
  [
    refused({ readers: { complaintDelay: { fromHours: 9, untilHours: 3 } } }),
    'w.json: readers.complaintDelay.untilHours: must not be below fromHours',
  ],
];

for (const [said, expected] of FAULTS) test(expected, () => assert.equal(said, expected));

test('every fault has a line of its own', () => {
  const said = refused({ name: 5, days: 0 }, { missingShare: 2 });
  assert.equal(said.split('\n').length, 3);
});

/** What is remarked of a world that has its history in order. */
function remarks(overrides: Overrides, isp: Overrides = {}, traffic: Overrides = {}) {
  const { faults, notes } = checkScenario(
    scenario([provider('isp', isp)], { ...HISTORY, ...overrides }, traffic),
    SENDERS,
  );
  const say = ({ place, message }: { place: string; message: string }) => `${place}: ${message}`;
  return { faults: faults.map(say), notes: notes.map(say) };
}

test('a plain world has no remarks', () => assert.deepEqual(remarks({}), { faults: [], notes: [] }));

test('an event after the last day is a fault, one that goes on after it a note', () => {
  const at = (fromDay: number) => remarks({ days: 5, ...event({ type: 'clampdown', fromDay, days: 2 }) });
  assert.deepEqual(at(5).faults, [
    'events[0].fromDay: day 5 never comes, the run has days 0 to 4: make it earlier, or raise `days`',
  ]);
  assert.deepEqual(at(4), { faults: [], notes: ['events[0]: it goes on to day 6, the run has days 0 to 4'] });
  assert.deepEqual(at(3), { faults: [], notes: [] });
});

test('a campaign belongs into its day', () => {
  const campaign = (day: number) => ({
    events: [{ type: 'dead-campaign', name: 'old', day, hours: 12, messages: 1, deadShare: 0, providers: ['isp'] }],
  });
  assert.deepEqual(remarks(campaign(2.5)).notes, []);
  assert.deepEqual(remarks(campaign(2.75)).notes, ['events[0]: it goes on to day 3.25, past midnight']);
  assert.match(remarks(campaign(10)).faults[0] ?? '', /^events\[0\]\.day: day 10 never comes/);
});

test('chances above certainty are a fault', () => {
  const wave = (factor: number) =>
    remarks(event({ type: 'complaint-wave', factor }), {}, { complaintRate: 0.01 }).faults;
  assert.deepEqual(wave(100), []);
  assert.match(wave(101)[0] ?? '', /^events\[0\]\.factor: 101 times the usual rate is 1\.01 complaints a message/);
  const engagement = { readers: { engagement: { all: { complaintRate: 0.5 } } } };
  assert.equal(remarks({ ...event({ type: 'complaint-wave', factor: 3 }), ...engagement }).faults.length, 1);
});

test('readers nobody is among, and places nobody mails or asks, are told', () => {
  const everybody = { type: 'unengaged-campaign', name: 'e', day: 1, messages: 1, providers: ['isp'] };
  const segments = { 'engaged-30d': 1, '60d': 0, '90d': 0, all: 0 };
  const readers = { engagement: {} };
  assert.match(remarks({ events: [everybody], readers }, {}, { segments }).faults[0] ?? '', /no reader is in "all"/);

  const list = { blocklists: [{ zone: 'bl.x' }] };
  const listing = { type: 'listing', blocklist: 'bl.x', network: '10.0.0.0/24', fromDay: 1, days: 1 };
  assert.deepEqual(remarks({ ...list, events: [listing] }).notes, [
    'events[0].network: 10.0.0.0/24 holds none of the addresses that send here (127.10.0.10, 127.10.0.11)',
    'events[0].blocklist: no provider consults bl.x',
  ]);
});

test('a provider that was given no weight is told', () => {
  const world = scenario([provider('isp'), provider('forgotten')], HISTORY, { weights: { isp: 1 } });
  assert.deepEqual(checkScenario(world, SENDERS).notes, [
    { place: 'providers[1]', message: 'no mail goes to "forgotten": give it a weight in traffic.weights' },
  ]);
});

test('a warm address without a history, complaints longer than the run and slow greylisting are told', () => {
  assert.match(remarks({ established: [] }).notes[0] ?? '', /^established: none of the addresses .* is known at isp: /);
  const readers = { complaintDelay: { untilHours: 120 } };
  assert.match(remarks({ days: 5, readers }).notes[0] ?? '', /complaints may take 120 plan hours, and the run has 120/);
  assert.equal(remarks({}, { greylistShare: 0.1, greylistMaxHours: 4 }).notes.length, 1);
});
