import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { startInjector } from '../../lab/injector.ts';
import { headerBlock, headerValue } from '../../lab/message-headers.ts';
import type { InjectedLine, InjectionFailureLine } from '../../lab/records.ts';
import { directoryFor, linesOf, provider, scenario } from './support.ts';

type Verdict = 'accept' | 'defer' | 'refuse' | 'hang-up';

/** An engine that lets `decide` answer each message and keeps what it took. */
async function engine(t: TestContext, decide: (rcpt: string, attempt: number) => Verdict) {
  const accepted: { messageId: string; rcpt: string; headers: string }[] = [];
  const attempts = new Map<string, number>();
  const sockets = new Map<string, { destroy(): void }>();
  const server = new SMTPServer({
    authOptional: false,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 10,
    onAuth: (auth, _session, callback) => {
      const good = auth.username === 'shop' && auth.password === 'secret';
      callback(good ? null : new Error('no'), good ? { user: 'shop' } : undefined);
    },
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const headers = headerBlock(Buffer.concat(chunks));
        const rcpt = session.envelope.rcptTo[0]?.address ?? '';
        const attempt = (attempts.get(rcpt) ?? 0) + 1;
        attempts.set(rcpt, attempt);
        const verdict = decide(rcpt, attempt);
        if (verdict === 'hang-up') return sockets.get(`${session.remotePort}`)?.destroy();
        if (verdict === 'defer') return callback(Object.assign(new Error('busy'), { responseCode: 451 }));
        if (verdict === 'refuse') return callback(Object.assign(new Error('no'), { responseCode: 550 }));
        accepted.push({ messageId: headerValue(headers, 'message-id') ?? '', rcpt, headers });
        callback(null, 'OK');
      });
    },
  });
  const listener = server.listen(0, '127.0.0.1');
  listener.on('connection', (socket) => sockets.set(`${socket.remotePort}`, socket));
  await once(listener, 'listening');
  server.on('error', () => {});
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { port: (listener.address() as AddressInfo).port, accepted };
}

async function inject(t: TestContext, port: number, more: { days?: number; password?: string } = { days: 2 }) {
  const directory = await directoryFor(t);
  const { password = 'secret', ...days } = more;
  const injector = await startInjector({
    scenario: scenario([provider('a'), provider('b')], {}, { messagesPerDay: 20 }),
    directory,
    to: { host: '127.0.0.1', port, user: 'shop', password },
    pool: 'marketing',
    dayLength: 300,
    epoch: Date.now(),
    ...days,
  });
  t.after(() => injector.stop());
  const injected = () => linesOf<InjectedLine>(path.join(directory, 'injected.jsonl'));
  const failures = () => linesOf<InjectionFailureLine>(path.join(directory, 'injection-failures.jsonl'));
  return { injector, injected, failures };
}

test('every message of every day is injected once, with the headers a bulk sender needs', async (t) => {
  const peer = await engine(t, () => 'accept');
  const { injector, injected } = await inject(t, peer.port);
  const summary = await injector.done;
  assert.deepEqual(summary, { injected: 40, deferred: 0, unanswered: 0, refused: 0, pending: 0, trouble: null });
  const lines = await injected();
  assert.deepEqual(
    lines.map((line) => line.messageId).toSorted(),
    peer.accepted.map((one) => one.messageId).toSorted(),
  );
  assert.equal(new Set(lines.map((line) => line.messageId)).size, 40);
  const headers = peer.accepted[0]?.headers ?? '';
  assert.equal(headerValue(headers, 'X-Rampart-Pool'), 'marketing');
  assert.equal(headerValue(headers, 'X-Rampart-Stream'), 'marketing');
  assert.equal(headerValue(headers, 'List-Unsubscribe-Post'), 'List-Unsubscribe=One-Click');
  assert.match(headerValue(headers, 'X-Rampart-Segment') ?? '', /^(engaged-30d|60d|90d|all)$/);
  assert.match(headerValue(headers, 'X-Rampart-Campaign') ?? '', /^daily-0-\d$/);
});

test('a message put off keeps its Message-ID, one without an answer gets a new one, none is lost', async (t) => {
  const unlucky = new Map<string, Verdict>();
  const kinds: Verdict[] = ['defer', 'hang-up', 'refuse'];
  const peer = await engine(t, (rcpt, attempt) => {
    const kind = unlucky.get(rcpt) ?? kinds[unlucky.size];
    if (!kind) return 'accept';
    unlucky.set(rcpt, kind);
    return attempt === 1 ? kind : 'accept';
  });
  const { injector, injected, failures } = await inject(t, peer.port);
  const summary = await injector.done;
  assert.deepEqual(summary, { injected: 39, deferred: 1, unanswered: 1, refused: 1, pending: 0, trouble: null });
  const lines = await injected();
  const failed = await failures();
  assert.deepEqual(new Set(failed.map((line) => line.kind)), new Set(['unanswered', 'refused']));
  const unanswered = failed.find((line) => line.kind === 'unanswered');
  const again = lines.find((line) => line.rcpt === unanswered?.rcpt);
  assert.ok(again && unanswered && again.messageId !== unanswered.messageId);
});

test('an engine that cannot be reached loses nothing and is named in the summary', async (t) => {
  const peer = await engine(t, () => 'accept');
  const { injector } = await inject(t, peer.port, { password: 'wrong' });
  await new Promise((resolve) => setTimeout(resolve, 600));
  const summary = await injector.stop();
  assert.equal(summary.injected, 0);
  assert.ok(summary.pending > 0);
  assert.ok(summary.trouble);
});

test('stop finishes what is under way', async (t) => {
  const peer = await engine(t, () => 'accept');
  const { injector, injected } = await inject(t, peer.port, {});
  await new Promise((resolve) => setTimeout(resolve, 400));
  const summary = await injector.stop();
  assert.equal((await injected()).length, summary.injected);
  assert.equal(peer.accepted.length, summary.injected);
});
