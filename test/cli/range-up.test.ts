/** A range on a running instance: begun by command, walked by its workflow, found again by the same command. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';
import { removeEmbedded } from '../../store/embedded/start.ts';
import { layCluster } from '../ready-cluster.ts';
import { openFolder, rampart, smallConfig, startRampart, writeConfig } from './command-line.ts';

const folder = await openFolder();
const small = smallConfig();
const cold = ['127.10.1.8', '127.10.1.9', '127.10.1.10', '127.10.1.11'];
const addresses = [
  { ip: '127.10.0.10', ehloName: 'mta-1.example.com', standing: 'warm' },
  ...cold.map((ip, n) => ({ ip, ehloName: `mta-${n + 2}.example.com`, standing: 'cold' })),
];
const config = await writeConfig(folder, {
  ...small,
  pools: { marketing: { addresses } },
  mta: { processes: 1, submission: { port: 0 } },
});
const env = { RAMPART_CONFIG: config };
await layCluster(path.join(folder, '.rampart'));
const running = startRampart(['up', '--json'], env);

after(async () => {
  running.signal('SIGTERM');
  await running.ended;
  await removeEmbedded(path.join(folder, '.rampart'));
  await rm(folder, { recursive: true, force: true });
});

test('two begin at once, two wait for tomorrow; the same command says so, and starts nobody', async () => {
  await running.firstLine;
  const start = () =>
    rampart(
      ['warmup', 'start', '127.10.1.8/30', '--pool', 'marketing', '--plan', 'six-week', '--stagger', '2/day', '--json'],
      env,
    );
  const first = await start();
  assert.equal(first.code, 0, first.stderr);
  const told = JSON.parse(first.stdout);
  assert.deepEqual(
    told.addresses.map(({ address, state }: Record<string, string>) => `${address} ${state}`),
    cold.map((address, n) => `${address} ${n < 2 ? 'started' : 'waiting'}`),
  );
  assert.ok(told.addresses.slice(0, 2).every(({ rampId }: Record<string, string>) => rampId));
  const again = await start();
  assert.equal(again.code, 0, again.stderr);
  const { existing, range, addresses: same } = JSON.parse(again.stdout);
  assert.deepEqual([existing, range, same], [true, told.range, told.addresses]);
  const status = await rampart(['warmup', 'status', '--range', '127.10.1.8/30'], env);
  // 50 a day each, or its share of a day that has few hours left.
  assert.match(status.stdout, /^127\.10\.1\.8 +\w+ ramping +1 of \d+ +0\/\d+ +0\/\d+ +0\/\d+$/m);
  assert.match(status.stdout, /^127\.10\.1\.11 +begins \d{4}-\d\d-\d\d 00:00/m);
  const history = JSON.parse(
    (await rampart(['warmup', 'history', '127.10.1.8', '--provider', 'google', '--json'], env)).stdout,
  );
  assert.deepEqual(
    history.decisions.map(({ kind }: Record<string, string>) => kind),
    ['start'],
  );
  assert.match(history.decisions[0].reason, /\(range 127\.10\.1\.8\/30\).*preflight \d+: \d+ pass/);
});
