import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';
import { csvLine } from '../../import/csv.ts';
import { openFolder, rampart, smallConfig, writeConfig } from './command-line.ts';

const folder = await openFolder();
after(() => rm(folder, { recursive: true, force: true }));

const DAY = 86_400_000;
const START = Date.UTC(2026, 9, 1);
const PLAN = ['--plan', 'geometric', '--target', '2000', '--days', '20'];
const HEADER =
  'type,timeLogged,timeQueued,orig,rcpt,dsnAction,dsnStatus,dsnDiag,dsnMta,bounceCat,dlvSourceIp,vmta,jobId'.split(',');

const time = (ms: number) => `${new Date(ms).toISOString().replace('T', ' ').slice(0, 19)}+0000`;

interface Sent {
  readonly at: number;
  readonly job: string;
  readonly hours?: number;
  readonly bounce?: string;
  readonly mta?: string;
}

function record({ at, job, hours = 0, bounce, mta = 'mx1.comcast.net (192.0.2.1)' }: Sent): string {
  return csvLine([
    bounce === undefined ? 'd' : 'b',
    time(at + hours * 3_600_000 + 2_000),
    time(at),
    'news@shop.example',
    'someone@dom.example',
    bounce === undefined ? 'relayed' : 'failed',
    '',
    bounce ?? 'smtp;250 2.0.0 OK',
    mta,
    '',
    '198.51.100.9',
    'vmta-1',
    job,
  ]);
}

/** `perDay` messages a day, evenly; `change` turns single ones into something else. */
function mail(
  days: number,
  perDay: (day: number) => number,
  change: (day: number, n: number) => Partial<Sent> = () => ({}),
) {
  const lines = [csvLine(HEADER)];
  for (let day = 0; day < days; day++) {
    for (let n = 0; n < perDay(day); n++) {
      const at = START + day * DAY + Math.floor((n * DAY) / perDay(day) / 1000) * 1000;
      lines.push(record({ at, job: `job-${day}`, ...change(day, n) }));
    }
  }
  return lines;
}

async function accounting(name: string, lines: readonly string[]): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, lines.join(''));
  return file;
}

async function backtest(file: string, ...args: string[]) {
  const { code, stdout, stderr } = await rampart(['backtest', ...PLAN, '--accounting', file, '--json', ...args]);
  assert.notEqual(stdout, '', stderr);
  return { code, answer: JSON.parse(stdout) };
}

test('clean mail at the plan’s pace advances, day by day, on the provider that answered', async () => {
  const file = await accounting(
    'clean.csv',
    mail(8, (day) => Math.round(50 * 1.2 ** day)),
  );
  const { code, answer } = await backtest(file);
  assert.equal(code, 0);
  assert.equal(answer.kind, 'powermta');
  assert.deepEqual([...new Set(answer.days.map((one: { provider: string }) => one.provider))], ['comcast']);
  assert.ok(answer.days.filter((one: { verdict: string }) => one.verdict === 'advance').length >= 6);
  assert.equal(answer.days[0].date, '2026-10-01');
  assert.equal(answer.days[0].sent, 50);
});

test('a dead list is suspended as a campaign on its day, with the figures', async () => {
  const dead = { bounce: 'smtp;550 5.1.1 <someone@dom.example> User unknown' };
  const file = await accounting(
    'dead.csv',
    mail(
      7,
      () => 100,
      (day, n) => (day === 4 && n % 3 === 0 ? dead : {}),
    ),
  );
  const { answer } = await backtest(file);
  const stopped = answer.days.filter((one: { verdict: string }) => one.verdict === 'stop');
  assert.equal(stopped.length, 1);
  assert.equal(stopped[0].date, '2026-10-05');
  assert.match(stopped[0].reason, /^campaign job-4: .*hard.bounce.*: it is suspended$/);
});

test('a sum above its height holds where its gate only holds, and is called what it is', async () => {
  const lines = mail(
    5,
    () => 200,
    (day, n) => ({
      job: `job-${day}-${n % 2}`,
      ...(n % 22 < 2 ? { bounce: 'smtp;550 5.1.1 user unknown' } : {}),
    }),
  );
  const { answer } = await backtest(await accounting('thin.csv', lines));
  const last = answer.days.at(-1);
  assert.equal(last.verdict, 'hold');
  assert.match(last.reason, /^hard-bounce is harmful: lane \d+\.\d of 5\.5/);
});

test('each provider is judged by its own configured gates, and by those of a pool where one is named', async () => {
  const late = await accounting(
    'two.csv',
    mail(
      6,
      () => 400,
      (day, n) => ({
        ...(n % 2 === 0 ? { mta: 'mta5.am0.yahoodns.net (192.0.2.2)' } : {}),
        ...(day === 3 && n % 4 < 2 ? { hours: 6 } : {}),
      }),
    ),
  );
  const gates = {
    consecutiveGood: 2,
    providers: { yahoo: { metrics: { deferral: { dryRun: true } } } },
    pools: { marketing: { metrics: { deferral: { action: 'observe' } }, consecutiveGood: 1 } },
  };
  const config = await writeConfig(folder, { ...smallConfig(), gates }, 'gates.ts');
  type Day = { provider: string; verdict: string; reason: string };
  const stopped = (days: readonly Day[]) =>
    [...new Set(days.filter((one) => one.verdict === 'stop').map((one) => one.provider))].sort();
  assert.deepEqual(stopped((await backtest(late)).answer.days), ['comcast', 'yahoo']);
  const own: Day[] = (await backtest(late, '--config', config)).answer.days;
  assert.deepEqual(stopped(own), ['comcast']);
  assert.ok(own.some(({ reason }) => reason === 'all gates pass: day 1 of the 2 in a row that are asked for'));
  assert.deepEqual(stopped((await backtest(late, '--config', config, '--pool', 'marketing')).answer.days), []);
});

test('mail that arrives hours late steps the lane back', async () => {
  const file = await accounting(
    'late.csv',
    mail(
      6,
      () => 200,
      (day, n) => (day === 3 && n % 2 === 0 ? { hours: 6 } : {}),
    ),
  );
  const { answer } = await backtest(file);
  const [stop] = answer.days.filter((one: { verdict: string }) => one.verdict === 'stop');
  assert.match(stop.reason, /^deferral (of the lane|over the address): /);
});

test('lines that can not be read are counted, the first is named, and the exit code says so', async () => {
  const lines = mail(2, () => 60);
  lines.push('d,yesterday,,,a@b.example,,,,,,198.51.100.9,,j\r\n', 'd,too,short\r\n', 't,,,,,,,,,,,,\r\n');
  const { code, answer } = await backtest(await accounting('bad.csv', lines));
  assert.equal(code, 1);
  assert.equal(answer.bad.count, 2);
  assert.equal(answer.bad.firstLine, 122);
  assert.match(answer.bad.firstSays, /^timeLogged is "yesterday": expected a time/);
  assert.deepEqual(answer.leftOut, { 'record type t': 1 });
});

test('Rampart’s own attempts are read as well, complaints with them', async () => {
  const header = ['at', 'first_at', 'address', 'provider', 'severity', 'class', 'campaign', 'final', 'complained_at'];
  const lines = [csvLine(header)];
  for (let n = 0; n < 300; n++) {
    const at = new Date(START + n * 120_000).toISOString();
    const complained = n % 4 === 0 ? new Date(START + n * 120_000 + 3_600_000).toISOString() : '';
    lines.push(csvLine([at, at, '198.51.100.9', 'yahoo', 'delivered', 'delivered', 'spring', 't', complained]));
  }
  const { answer } = await backtest(await accounting('attempts.csv', lines));
  assert.equal(answer.kind, 'attempts');
  assert.equal(answer.days[0].verdict, 'stop');
  assert.match(answer.days[0].reason, /complaint/);
});

test('a file that is no accounting file is refused with what was expected', async () => {
  const file = await accounting('other.csv', ['name,colour\r\n', 'a,b\r\n']);
  const { code, stderr } = await rampart(['backtest', ...PLAN, '--accounting', file]);
  assert.equal(code, 2);
  assert.match(stderr, /expected a header line with type, timeLogged, rcpt \(PowerMTA\) or at, first_at/);
  const missing = await rampart(['backtest', ...PLAN, '--accounting', path.join(folder, 'none.csv')]);
  assert.match(missing.stderr, /cannot read .*none\.csv: ENOENT/);
});
