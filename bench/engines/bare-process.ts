/**
 * The bare reference, one process of it: smtp-server → group commit into PostgreSQL → nodemailer's SMTPConnection →
 * delete in groups. It has what every durable relay of these parts must do, and nothing else: no lanes, no limits, no
 * record of what happened, no retries. How much of its rate the product keeps is the price of all its features.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import pg from 'pg';
import { SMTPServer } from 'smtp-server';

interface Orders {
  readonly url: string;
  readonly port: number;
  readonly target: { readonly ip: string; readonly port: number };
  readonly connections: number;
}

interface Mail {
  readonly from: string;
  readonly to: string;
  readonly raw: Buffer;
}

interface Stored extends Mail {
  readonly id: string;
}

/** Runs `work` on groups of what is submitted while the last group was on its way. */
function grouped<In, Out>(work: (group: readonly In[]) => Promise<readonly Out[]>) {
  const waiting: { item: In; done: (out: Out) => void }[] = [];
  let running = false;
  const run = async () => {
    running = true;
    await sleep(2);
    while (waiting.length > 0) {
      const group = waiting.splice(0, 200);
      const results = await work(group.map(({ item }) => item));
      group.forEach(({ done }, n) => {
        done(results[n] as Out);
      });
    }
    running = false;
  };
  return (item: In): Promise<Out> =>
    new Promise((done) => {
      waiting.push({ item, done });
      if (!running) void run();
    });
}

function start({ url, port, target, connections }: Orders): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 6 });
  const ready: Stored[] = [];
  const idle: (() => void)[] = [];

  const store = grouped<Mail, string>(async (group) => {
    const { rows } = await pool.query({
      name: 'store',
      text: `insert into bare (sender, rcpt, raw) select * from unnest($1::text[], $2::text[], $3::bytea[]) returning id`,
      values: [group.map((m) => m.from), group.map((m) => m.to), group.map((m) => m.raw)],
    });
    return rows.map((row) => row.id as string);
  });
  const remove = grouped<string, void>(async (ids) => {
    await pool.query({ name: 'remove', text: 'delete from bare where id = any($1::bigint[])', values: [ids] });
    return ids.map(() => undefined);
  });

  async function deliver(): Promise<never> {
    const smtp = new SMTPConnection({ host: target.ip, port: target.port, name: 'bare.example', ignoreTLS: true });
    await new Promise<void>((resolve, reject) => smtp.connect((error) => (error ? reject(error) : resolve())));
    for (;;) {
      const mail = ready.shift();
      if (mail === undefined) {
        await new Promise<void>((wake) => idle.push(wake));
        continue;
      }
      await new Promise<void>((resolve, reject) => {
        smtp.send({ from: mail.from, to: [mail.to] }, mail.raw, (error) => (error ? reject(error) : resolve()));
      });
      await remove(mail.id);
    }
  }

  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const from = session.envelope.mailFrom === false ? '' : session.envelope.mailFrom.address;
        const mail = { from, to: session.envelope.rcptTo[0]?.address ?? '', raw: Buffer.concat(chunks) };
        store(mail).then((id) => {
          done();
          ready.push({ ...mail, id });
          idle.shift()?.();
        }, done);
      });
    },
  });
  for (let n = 0; n < connections; n++) void deliver();
  return new Promise((resolve) => {
    server.listen({ port, host: '127.0.0.1', reusePort: true } as never, () => resolve());
  });
}

process.once('message', (orders: Orders) => void start(orders).then(() => process.send?.('ready')));
process.once('disconnect', () => process.exit(0));
