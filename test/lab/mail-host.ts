/** A mail server that takes whatever comes, for reports the lab sends back: what the guest's inbound listener is in a run. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { SMTPServer } from 'smtp-server';

export interface TakenMail {
  /** Empty for the null sender. */
  readonly mailFrom: string;
  readonly rcpt: string;
  readonly ehlo: string;
  readonly text: string;
}

export interface TestMailHost {
  readonly port: number;
  readonly taken: readonly TakenMail[];
  /** The next one not asked for yet; rejects after 10 s without any. */
  next(): Promise<TakenMail>;
}

/** Listens on `ip` until the test ends; the first `deferrals` recipients are put off with a 451, or all refused with 550. */
export async function mailHost(
  t: TestContext,
  { ip = '127.0.0.1', deferrals = 0, refuses = false }: { ip?: string; deferrals?: number; refuses?: boolean } = {},
): Promise<TestMailHost> {
  const taken: TakenMail[] = [];
  let asked = 0;
  let left = deferrals;
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 10,
    onRcptTo: (_address, _session, callback) => {
      left -= 1;
      if (refuses) return callback(Object.assign(new Error('5.1.1 nobody here'), { responseCode: 550 }));
      callback(left >= 0 ? Object.assign(new Error('later'), { responseCode: 451 }) : null);
    },
    onData: (stream, session, callback) => {
      let text = '';
      stream.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk;
      });
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        const from = mailFrom === false ? '' : mailFrom.address;
        taken.push({ mailFrom: from, rcpt: rcptTo[0]?.address ?? '', ehlo: session.hostNameAppearsAs, text });
        server.emit('taken');
        callback();
      });
    },
  });
  server.on('error', () => {});
  const listener = server.listen(0, ip);
  await once(listener, 'listening');
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const next = async () => {
    const signal = AbortSignal.timeout(10_000);
    while (taken.length <= asked) await once(server, 'taken', { signal });
    const mail = taken[asked];
    asked += 1;
    if (!mail) throw new Error('nothing was taken');
    return mail;
  };
  return { port: (listener.address() as AddressInfo).port, taken, next };
}
