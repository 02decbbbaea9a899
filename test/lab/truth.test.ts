/** Ground truth out of the lab's records: what was wrong for an address, when, and how much mail met it. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { exposure } from '../../lab/exposure.ts';
import type { DataLine, EventLine, InjectedLine, RcptLine, ReceivedLine } from '../../lab/records.ts';
import { type Trouble, troublesOf } from '../../lab/truth.ts';
import { provider, scenario } from './support.ts';

const COLD = '127.10.0.11';
const ZONE = 'bl.lab.example';

const WORLD = scenario(
  [
    provider('a', { blocklists: [{ zone: ZONE }], netblockReputation: {}, seeds: 1, fbl: true }),
    provider('b', { domains: ['b.example', 'tenant.example'] }),
  ],
  {
    blocklists: [{ zone: ZONE }],
    established: [{ ip: '127.10.0.10', daily: { b: 10 } }],
    events: [{ type: 'dead-campaign', name: 'old', day: 1, messages: 5, deadShare: 0.5, providers: ['b'] }],
  },
);

const switched = (t: number, on: boolean, more: object) => ({ t, day: t / 100, on, ...more }) as unknown as EventLine;
const score = (t: number, sender: string, standing: string, at = 'a') => {
  return { t, day: t / 100, kind: 'score', provider: at, sender, score: 50, standing } as EventLine;
};

function truth(
  events: EventLine[],
  address = COLD,
  injected: InjectedLine[] = [],
  received: ReceivedLine[] = [],
): string[] {
  return troublesOf({ scenario: WORLD, address, events, injected, received, dayLength: 100 }).map((one) =>
    `${one.provider} ${one.cause} ${one.from}-${one.to} ${one.calls} ${one.detail}`.trim(),
  );
}

test('an event is a trouble from its beginning to its end, for the lanes it concerns', () => {
  const clampdown = { kind: 'clampdown', provider: 'b' };
  const both = [switched(100, true, clampdown), switched(300, false, clampdown)];
  assert.deepEqual(truth(both), ['b clampdown 100-300 retreat']);
  assert.deepEqual(truth(both, '127.10.0.10'), [], 'an established address is not clamped down on');
  assert.deepEqual(truth([switched(100, true, { kind: 'outage', provider: 'a' })]), ['a outage 100-Infinity hold']);
});

test('two events of a kind keep their own ends', () => {
  const of = (domain: string) => ({ kind: 'tenant-block', provider: 'b', domain });
  const events = [
    switched(1, true, of('b.example')),
    switched(2, true, of('tenant.example')),
    switched(3, false, of('tenant.example')),
    switched(9, false, of('b.example')),
  ];
  assert.deepEqual(truth(events), ['b tenant-block 1-9 hold b.example', 'b tenant-block 2-3 hold tenant.example']);
});

test('a listing concerns those it holds, at providers that ask the list; a neighbour those in the network', () => {
  const listing = (network: string) => [switched(5, true, { kind: 'listing', blocklist: ZONE, network })];
  assert.deepEqual(truth(listing(COLD)), [`a listing 5-Infinity retreat ${COLD} ${ZONE}`]);
  assert.deepEqual(truth(listing('127.10.9.0/24')), []);
  const neighbour = (network: string) => [switched(5, true, { kind: 'bad-neighbour', provider: 'a', network })];
  assert.equal(truth(neighbour('127.10.0.0/24')).length, 1);
  assert.equal(truth(neighbour('127.11.0.0/24')).length, 0);
});

test('a sensor that fails calls for nothing', () => {
  const events = [
    switched(1, true, { kind: 'seed-outage', provider: 'a' }),
    switched(2, true, { kind: 'feed-gap', provider: 'a' }),
    switched(3, true, { kind: 'blocklist-refusal', blocklist: ZONE }),
  ];
  assert.deepEqual(
    truth(events).map((line) => line.split(' ')[3]),
    ['nothing', 'nothing', 'nothing'],
  );
});

test('a bad standing is a trouble until it is good again: of the address, its network, or a domain, and of nobody else', () => {
  const events = [
    score(1, `ip:${COLD}`, 'good'),
    score(2, `ip:${COLD}`, 'junk'),
    score(3, `ip:${COLD}`, 'blocked'),
    score(5, `ip:${COLD}`, 'good'),
    score(6, 'ip:127.10.0.10', 'blocked'),
    score(7, 'net:127.10.0.0/24', 'junk'),
    score(8, 'net:127.11.0.0/24', 'junk'),
    score(9, 'domain:shop.example', 'junk', 'b'),
  ];
  assert.deepEqual(truth(events), [
    `a reputation 2-5 retreat ip:${COLD} blocked`,
    'a reputation 7-Infinity retreat net:127.10.0.0/24 junk',
    'b reputation 9-Infinity retreat domain:shop.example junk',
  ]);
});

const injected = (t: number, rcpt: string, campaign = 'old'): InjectedLine => {
  return { t, messageId: `<${t}>`, rcpt, provider: 'b', campaign, segment: 'all' };
};

test('a campaign is a trouble from its first message to its last', () => {
  const sent = [injected(40, 'x@b.example'), injected(20, 'y@b.example'), injected(90, 'z@b.example', 'daily')];
  assert.deepEqual(truth([], COLD, sent), ['b dead-campaign 20-41 retreat 50% dead']);
});

const rcpt = (t: number, to: string, code = 250, more: Partial<RcptLine> = {}): ReceivedLine => ({
  ...{ kind: 'rcpt', t, tx: `tx${t}`, provider: 'b', mxIp: '', sourceIp: COLD, rcpt: to, mailFrom: '', ehlo: '' },
  ...{ code, text: '' },
  ...more,
});
const data = (t: number, to: string, placement: DataLine['placement'], tx: string): ReceivedLine => ({
  ...{ kind: 'data', t, tx, provider: 'b', sourceIp: COLD, mailFrom: '', rcpts: [to], messageId: `<${tx}>` },
  ...{ campaign: null, code: placement ? 250 : 421, text: '', accepted: placement !== null, placement },
});

test('a limit of volume that the lane met is a trouble, days of it in a row are one', () => {
  const limited = (t: number, why: ReceivedLine['why'], more: Partial<RcptLine> = {}) =>
    rcpt(t, 'x@b.example', 451, { ...(why ? { why } : {}), ...more });
  const received = [
    limited(10, 'volume-jump'),
    limited(60, 'volume-jump'),
    limited(150, 'volume-jump'),
    limited(300, 'volume-jump'),
    limited(20, 'burst'),
    limited(30, 'allowance', { sourceIp: '127.10.0.10' }),
    limited(40, undefined),
  ];
  assert.deepEqual(truth([], COLD, [], received), [
    'b volume-jump 10-151 retreat',
    'b burst 20-21 hold',
    'b volume-jump 300-301 retreat',
  ]);
});

test('exposure counts what was sent meanwhile, and of it what was refused, put off, shown nowhere or complained of', () => {
  const received = [
    rcpt(9, 'early@b.example', 550),
    ...[rcpt(10, 'fine@b.example'), data(10, 'fine@b.example', 'inbox', 'tx10')],
    ...[rcpt(11, 'junk@b.example'), data(11, 'junk@b.example', 'junk', 'tx11')],
    ...[rcpt(12, 'late@b.example'), data(12, 'late@b.example', null, 'tx12')],
    ...[rcpt(13, 'angry@b.example'), data(13, 'angry@b.example', 'inbox', 'tx13')],
    rcpt(14, 'gone@b.example', 550),
    rcpt(15, 'grey@b.example', 450, { text: '4.7.1 Greylisted, please try again later' }),
    rcpt(16, 'other@b.example', 550, { sourceIp: '127.10.0.10' }),
    rcpt(17, 'other@a.example', 550, { provider: 'a' }),
    rcpt(20, 'after@b.example', 550),
  ];
  const line = { kind: 'complaint', provider: 'b', sourceIp: COLD, rcpt: 'angry@b.example', messageId: '<tx13>' };
  const events = [{ ...line, t: 99, day: 1, reported: false }] as EventLine[];
  const trouble: Trouble = { provider: 'b', cause: 'clampdown', calls: 'retreat', from: 10, to: 30, detail: '' };
  const input = { address: COLD, received, events, injected: [injected(1, 'junk@b.example')] };
  assert.deepEqual(exposure(input, trouble, 20), { sent: 6, harmed: 4 });
  assert.deepEqual(exposure(input, { ...trouble, campaign: 'old' }, 20), { sent: 1, harmed: 1 });
  assert.deepEqual(exposure(input, { ...trouble, domain: 'tenant.example' }, 20), { sent: 0, harmed: 0 });
});
