/** The import commands as people run them, against a PostgreSQL of their own. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';
import { COLD, databaseAlone, rampart } from './command-line.ts';

const system = await databaseAlone();
after(() => system.stop());

const PASSWORD = 'Zx9-pass-Zx9';
const folder = path.join(system.folder, 'pmta');
await mkdir(path.join(folder, 'keys'), { recursive: true });
const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
await writeFile(path.join(folder, 'keys', 's1.pem'), pem);
await writeFile(path.join(folder, 'keys', 'bad.pem'), `-----BEGIN ${PASSWORD}`);
await writeFile(
  path.join(folder, 'config'),
  `host-name out.example.com
smtp-listener 127.0.0.1:2525
include conf.d/*.conf
domain-key s1,example.com,/etc/pmta/keys/s1.pem
<smtp-user app>
  password ${PASSWORD}
</smtp-user>
<domain gmail.com>
  max-smtp-out 4
  retry-after 10m
</domain>
nobody-knows ${PASSWORD}
`,
);
await mkdir(path.join(folder, 'conf.d'));
await writeFile(
  path.join(folder, 'conf.d', 'vmta.conf'),
  `<virtual-mta v1>
  smtp-source-host 198.51.100.8 mta-1.example.com
</virtual-mta>
`,
);

test('a configuration that was drawn up passes check, once its passwords are set', async () => {
  const out = path.join(system.folder, 'out', 'rampart.config.ts');
  const secrets = path.join(system.folder, 'out', 'secrets.env');
  const ran = await rampart(['import', 'powermta', folder, '--out', out, '--secrets', secrets]);
  assert.equal(ran.code, 0, ran.stderr);
  assert.ok(!`${ran.stdout}${ran.stderr}${await readFile(out, 'utf8')}`.includes(PASSWORD));
  assert.equal(await readFile(secrets, 'utf8'), `RAMPART_PASSWORD_APP='${PASSWORD}'\n`);
  assert.equal((await stat(secrets)).mode & 0o777, 0o600);
  const checked = await rampart(['check', '--config', out, '--json'], { RAMPART_PASSWORD_APP: PASSWORD });
  assert.equal(checked.code, 0, checked.stderr);
  assert.deepEqual(JSON.parse(checked.stdout).users, [{ name: 'app', pools: ['v1'] }]);
  const again = await rampart(['import', 'powermta', folder, '--out', out]);
  assert.deepEqual([again.code, /is there already/.test(again.stderr)], [2, true]);
});

test('--json has every directive with its end, and no secret', async () => {
  const { stdout, code } = await rampart(['import', 'powermta', path.join(folder, 'config'), '--json']);
  assert.equal(code, 0);
  assert.ok(!stdout.includes(PASSWORD));
  const { outcomes, lines, silent, secrets } = JSON.parse(stdout);
  const spoken = outcomes.reduce((sum: number, one: { lines: number }) => sum + one.lines, 0);
  assert.equal(spoken + silent, lines);
  assert.deepEqual(secrets, ['RAMPART_PASSWORD_APP']);
});

test('--explain says what holds and which line says so', async () => {
  const { stdout, code } = await rampart(['import', 'powermta', folder, '--explain', 'gmail.com/v1']);
  assert.equal(code, 0);
  assert.match(stdout, /^max-smtp-out +4 +config:9 \(domain gmail\.com\)$/m);
  assert.match(stdout, /^bounce-after +4d12h +default$/m);
  const unknown = await rampart(['import', 'powermta', folder, '--explain', 'gmail.com/v9']);
  assert.deepEqual([unknown.code, /"v9" \(v1\)/.test(unknown.stderr)], [2, true]);
});

test('DKIM keys are taken over once, and never shown', async () => {
  const first = await system.run('import', 'powermta', folder, '--dkim');
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /example\.com +s1 +added/);
  assert.match((await system.run('import', 'powermta', folder, '--dkim')).stdout, /s1 +known/);
  assert.match((await system.run('dkim', 'list', 'example.com')).stdout, /s1 +rsa +database/);
  const bad = path.join(system.folder, 'bad.conf');
  await writeFile(bad, `domain-key s2,example.com,${path.join(folder, 'keys', 'bad.pem')}\n`);
  const refused = await system.run('import', 'powermta', bad, '--dkim', '--json');
  assert.equal(refused.code, 1);
  assert.equal(JSON.parse(refused.stdout).keys[0].end, 'refused');
  for (const { stdout, stderr } of [first, refused]) assert.ok(!/BEGIN|MII|Zx9/.test(stdout + stderr));
});

test('KumoMTA files are drawn up and pass check', async () => {
  const kumo = path.join(system.folder, 'kumo');
  await mkdir(kumo);
  await writeFile(
    path.join(kumo, 'sources.toml'),
    `[source.a]\nsource_address = "198.51.100.8"\nehlo_domain = "mta-1.example.com"\n[pool.bulk.a]\n`,
  );
  await writeFile(path.join(kumo, 'shaping.toml'), `["gmail.com"]\nconnection_limit = 3\n`);
  const out = path.join(system.folder, 'kumo', 'rampart.config.ts');
  const ran = await rampart(['import', 'kumomta', kumo, '--out', out]);
  assert.equal(ran.code, 0, ran.stderr);
  const checked = await rampart(['check', '--config', out, '--json']);
  assert.deepEqual(JSON.parse(checked.stdout).pools[0].name, 'bulk');
});

test('a log is taken over once, however often it is imported', async () => {
  const log = path.join(system.folder, 'acct.csv');
  const at = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 19).replace('T', ' ');
  const rows = [1, 2, 3].flatMap((days) =>
    Array.from(
      { length: 90 },
      (_, n) => `d,${at(days)},u${n}@gmail.com,gmail-smtp-in.l.google.com (192.0.2.1),${COLD}`,
    ),
  );
  await writeFile(log, `type,timeLogged,rcpt,dsnMta,dlvSourceIp\n${rows.join('\n')}\n`);
  const first = await system.run('import', 'accounting', log, '--json');
  assert.equal(first.code, 0, first.stderr);
  assert.deepEqual(
    JSON.parse(first.stdout).files.map(({ kept, records }: { kept: string; records: number }) => [kept, records]),
    [['new', 270]],
  );
  const renamed = path.join(system.folder, 'acct-rotated.csv');
  await writeFile(renamed, await readFile(log));
  const again = await system.run('import', 'accounting', renamed, log, '--json');
  assert.deepEqual(
    JSON.parse(again.stdout).files.map(({ kept }: { kept: string }) => kept),
    ['same', 'same'],
  );
  const { rows: kept } = await system.store.query('select sum(messages)::int as messages from legacy_volumes');
  assert.deepEqual(kept, [{ messages: 270 }]);
  const wrong = await system.run('import', 'accounting', log, '--time-zone', 'Mars/Olympus');
  assert.deepEqual([wrong.code, /Mars\/Olympus/.test(wrong.stderr)], [2, true]);
});
