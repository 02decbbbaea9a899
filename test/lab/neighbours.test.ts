/** What a sender suffers for others and for the day: networks, jumps, blocklists, and whose midnight it is. No sockets. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { Blocklists } from '../../lab/blocklists.ts';
import { LabClock } from '../../lab/clock.ts';
import { Provider } from '../../lab/provider.ts';
import { Schedule } from '../../lab/schedule.ts';
import { DAY, EPOCH, HOUR, type Overrides, provider, scenario } from './support.ts';

const IP = '127.10.0.21';
const NEIGHBOUR = '127.10.0.99';
const STRANGER = '127.10.7.21';
const ZONE = 'bl.lab.example';

/** One provider on a clock the test turns. */
function alone(overrides: Overrides, world: Overrides = {}) {
  const spec = scenario([provider('isp', overrides)], world);
  const time = { now: EPOCH };
  const clock = new LabClock({ dayLength: DAY, now: () => time.now });
  clock.start(EPOCH);
  const schedule = new Schedule(clock, spec.events);
  const blocklists = new Blocklists({ specs: spec.blocklists, clock, schedule });
  const [first] = spec.providers;
  assert.ok(first);
  const isp = new Provider({ spec: first, scenario: spec, clock, schedule, blocklists });
  let count = 0;
  /** Sends `n` messages; the codes with how often each came, and the last placement. */
  const send = (n: number, sourceIp = IP, prefix = 'reader') => {
    const codes: Record<string, number> = {};
    let last: { code: number; text: string } = { code: 0, text: '' };
    let placement: string | null = null;
    for (let at = 0; at < n; at++) {
      count += 1;
      const rcpt = `${prefix}-${count}@isp.example`;
      // Each address sends for a domain of its own: what a domain is blamed for is another test.
      const mailFrom = `b@${sourceIp.replaceAll('.', '-')}.example`;
      last = isp.rcpt({ sourceIp, mailFrom, rcpt });
      if (last.code === 250) {
        const said = isp.data({ sourceIp, mailFrom, rcpts: [rcpt], messageId: `<${count}@x>` });
        last = said.reply;
        placement = said.placement;
      }
      codes[last.code] = (codes[last.code] ?? 0) + 1;
    }
    return { codes, text: last.text, placement };
  };
  const at = (day: number) => {
    time.now = EPOCH + day * DAY;
  };
  return { isp, send, at, blocklists };
}

test('an address that misbehaves pulls its /24 down with it, and nobody outside', () => {
  const { send } = alone({ netblockReputation: { share: 1 }, freeDailyVolume: 500 });
  assert.equal(send(3, NEIGHBOUR).placement, 'inbox');
  send(20, IP, 'gone');
  assert.equal(send(1, NEIGHBOUR).codes['550'], 1);
  assert.match(send(1, NEIGHBOUR).text, /network 127\.10\.0\.0\/24/);
  assert.equal(send(3, STRANGER).placement, 'inbox');
});

test('a share of 0 is no neighbourhood', () => {
  const { send } = alone({ netblockReputation: { share: 0 }, freeDailyVolume: 500 });
  send(20, IP, 'gone');
  assert.equal(send(1, NEIGHBOUR).placement, 'inbox');
});

test('a bad neighbour puts the network into junk or has it refused while it lasts, and it heals afterwards', () => {
  const event = (fromDay: number, damage: number) => {
    return { type: 'bad-neighbour', provider: 'isp', network: '127.10.0.0/24', fromDay, days: 1, damage };
  };
  const { send, at, isp } = alone({ netblockReputation: {} }, { events: [event(1, 0.4), event(4, 0.7)] });
  assert.equal(send(1).placement, 'inbox');
  at(1.5);
  assert.equal(send(1).placement, 'junk');
  assert.equal(send(1, STRANGER).placement, 'inbox');
  at(3.9);
  assert.equal(send(1).placement, 'inbox');
  at(4.5);
  assert.deepEqual(send(1).codes, { 550: 1 });
  at(8.5);
  assert.equal(send(1).placement, 'inbox');
  const own = isp.senders().find((one) => one.name === IP);
  assert.equal(own?.reputation.score, 100, 'nothing of it is held against the address itself');
});

test('a jump over the day before is put off until the next day, and costs no reputation', () => {
  const { send, at, isp } = alone({ volumeJump: { factor: 2, floor: 10 }, freeDailyVolume: 500 });
  assert.deepEqual(send(25).codes, { 250: 20, 451: 5 });
  at(1);
  assert.deepEqual(send(50).codes, { 250: 40, 451: 10 });
  at(2);
  assert.deepEqual(send(30).codes, { 250: 30 }, 'a smaller day is no jump');
  at(3);
  assert.deepEqual(send(61).codes, { 250: 60, 451: 1 });
  // After a day without mail the floor is all there is.
  at(5);
  assert.deepEqual(send(21).codes, { 250: 20, 451: 1 });
  assert.equal(isp.senders().find((one) => one.name === IP)?.reputation.score, 100);
});

test('the record tells one limit from another, the sender is told none', () => {
  const answer = (overrides: Overrides, n: number) => {
    const { isp, send } = alone(overrides);
    send(n);
    return isp.rcpt({ sourceIp: IP, mailFrom: 'b@x.example', rcpt: 'reader-0@isp.example' });
  };
  const jump = answer({ volumeJump: { factor: 1, floor: 5 } }, 5);
  assert.equal(jump.why, 'volume-jump');
  const allowance = answer({ freeDailyVolume: 10 }, 10);
  assert.equal(allowance.why, 'allowance');
  assert.equal(jump.text, allowance.text);
  assert.equal(answer({ freeDailyVolume: 60 }, 30).why, 'burst');
});

test('an address with a history jumps from what it is known for', () => {
  const history = { established: [{ ip: IP, daily: { isp: 60 } }] };
  const { send } = alone({ volumeJump: { factor: 1.5, floor: 10 }, freeDailyVolume: 500 }, history);
  assert.deepEqual(send(91).codes, { 250: 90, 451: 1 });
});

test("a provider's day begins at its own hour", () => {
  const { send, at } = alone({ volumeJump: { factor: 1, floor: 10 }, dayStartsAtHour: 8, freeDailyVolume: 500 });
  assert.deepEqual(send(11).codes, { 250: 10, 451: 1 });
  at(7.9 / 24);
  assert.deepEqual(send(1).codes, { 451: 1 });
  at(8.1 / 24);
  assert.deepEqual(send(11).codes, { 250: 10, 451: 1 });
  at(1 + 7.9 / 24);
  assert.deepEqual(send(1).codes, { 451: 1 }, 'the midnight of the world is not its own');
});

for (const [answer, expected] of [
  ['refuse', /^5\.7\.1 Service unavailable; Client host \[127\.10\.0\.21\] blocked using bl\.lab\.example/],
  ['defer', /^4\.7\.1 Service unavailable; Client host/],
  ['junk', /^2\.0\.0 OK/],
] as const) {
  test(`a provider that consults a list and answers "${answer}" does so while the address is on it`, () => {
    const events = [{ type: 'listing', blocklist: ZONE, network: IP, fromDay: 1, days: 1 }];
    const world = { blocklists: [{ zone: ZONE }], events };
    const { send, at } = alone({ blocklists: [{ zone: ZONE, answer }] }, world);
    assert.equal(send(1).placement, 'inbox');
    at(1.5);
    const listed = send(1);
    assert.match(listed.text, expected);
    assert.equal(listed.placement, answer === 'junk' ? 'junk' : null);
    assert.equal(send(1, NEIGHBOUR).placement, 'inbox');
    at(2);
    assert.equal(send(1).placement, 'inbox');
  });
}

test('a list with traps lists who knocks at too many dead recipients, and lets go after clean days', () => {
  const world = { blocklists: [{ zone: ZONE, rule: { deadPerDay: 5, delistAfterDays: 2 } }] };
  const { send, at, blocklists } = alone({ blocklists: [{ zone: ZONE }], freeDailyVolume: 500 }, world);
  send(5, IP, 'gone');
  assert.equal(blocklists.listed(ZONE, IP), false);
  send(1, IP, 'gone');
  assert.deepEqual(blocklists.listedByRule(), [{ zone: ZONE, ip: IP }]);
  assert.deepEqual(send(1).codes, { 554: 1 });
  at(1.9);
  assert.equal(blocklists.listed(ZONE, IP), true);
  at(2.1);
  assert.equal(blocklists.listed(ZONE, IP), false);
});

test('greylisting by network lets another address of the /24 carry the retry, and keeps its shortest delay', () => {
  const wait = { greylistShare: 1, greylistMinHours: 1, greylistMaxHours: 1.5 };
  for (const [greylistBy, code] of [
    ['netblock', 250],
    ['address', 450],
  ] as const) {
    const { isp, at } = alone({ ...wait, greylistBy });
    const attempt = (sourceIp: string) => isp.rcpt({ sourceIp, mailFrom: 'b@x.example', rcpt: 'reader-1@isp.example' });
    assert.equal(attempt(IP).code, 450);
    at((0.9 * HOUR) / DAY);
    assert.equal(attempt(IP).code, 450);
    at((1.6 * HOUR) / DAY);
    assert.equal(attempt(NEIGHBOUR).code, code);
  }
});
