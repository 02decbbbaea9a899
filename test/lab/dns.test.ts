import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import net from 'node:net';
import test from 'node:test';
import dnsPacket from 'dns-packet';
import { provider, scenario, worldFor } from './support.ts';

const many = Array.from({ length: 40 }, (_, index) => `mx${index + 1}.very-long-name-of-a-mail-exchanger.big.example`);
const SCENARIO = scenario([
  provider('google', { domains: ['gmail.com'], mx: ['gmail-smtp-in.l.google.com', 'alt1.gmail-smtp-in.l.google.com'] }),
  provider('big', { mx: many }),
]);
const SENDERS = [{ ip: '127.10.0.10', name: 'mta-1.sender.example' }];

test('the name server tells MX hosts, their addresses, and senders both ways', async (t) => {
  const { world } = await worldFor(t, { scenario: SCENARIO, senders: SENDERS });
  const resolver = new Resolver();
  resolver.setServers([world.facts.dns]);
  const exchanges = (await resolver.resolveMx('gmail.com')).toSorted((a, b) => a.priority - b.priority);
  assert.deepEqual(
    exchanges.map(({ exchange, priority }) => `${priority} ${exchange}`),
    ['10 gmail-smtp-in.l.google.com', '20 alt1.gmail-smtp-in.l.google.com'],
  );
  assert.deepEqual(await resolver.resolve4('GMAIL-smtp-in.l.google.com'), ['127.20.1.1']);
  assert.deepEqual(await resolver.reverse('127.10.0.10'), ['mta-1.sender.example']);
  assert.deepEqual(await resolver.resolve4('mta-1.sender.example'), ['127.10.0.10']);
  assert.deepEqual(await resolver.resolveTxt('gmail.com'), [['v=spf1 -all']]);
});

test('a missing name is NXDOMAIN, a missing type and an empty parent are NODATA', async (t) => {
  const { world } = await worldFor(t, { scenario: SCENARIO, senders: SENDERS });
  const resolver = new Resolver();
  resolver.setServers([world.facts.dns]);
  await assert.rejects(resolver.resolveMx('nowhere.example'), { code: 'ENOTFOUND' });
  await assert.rejects(resolver.resolve6('gmail-smtp-in.l.google.com'), { code: 'ENODATA' });
  await assert.rejects(resolver.resolve4('l.google.com'), { code: 'ENODATA' });
});

test('an answer too large for UDP comes whole over TCP', async (t) => {
  const { world } = await worldFor(t, { scenario: SCENARIO });
  const resolver = new Resolver();
  resolver.setServers([world.facts.dns]);
  assert.equal((await resolver.resolveMx('big.example')).length, many.length);

  const [host, port] = world.facts.dns.split(':');
  const socket = net.connect(Number(port), host ?? '');
  t.after(() => socket.destroy());
  const query = dnsPacket.streamEncode({ type: 'query', id: 9, questions: [{ type: 'MX', name: 'big.example' }] });
  // In two pieces, as a network may deliver it.
  socket.write(query.subarray(0, 5));
  setTimeout(() => socket.write(query.subarray(5)), 20);
  let got = Buffer.alloc(0);
  for await (const chunk of socket) {
    got = Buffer.concat([got, chunk as Buffer]);
    if (got.length >= 2 && got.length >= 2 + got.readUInt16BE(0)) break;
  }
  const answer = dnsPacket.streamDecode(got);
  assert.equal(answer.id, 9);
  assert.equal(answer.answers?.length, many.length);
});
