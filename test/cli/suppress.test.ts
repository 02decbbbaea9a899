import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { recipientKey } from '../../store/recipient-key.ts';
import { suppressionPage } from '../../store/suppressions.ts';
import { type DatabaseAlone, databaseAlone } from './command-line.ts';

const sha256 = (address: string) => recipientKey(address).toString('hex');

describe('rampart suppress', () => {
  let alone: DatabaseAlone;
  before(async () => {
    alone = await databaseAlone();
  });
  after(() => alone.stop());
  beforeEach(() => alone.store.query('truncate suppressions, suppression_history'));

  const run = async (code: number, ...args: string[]) => {
    const ran = await alone.run('suppress', ...args);
    assert.equal(ran.code, code, ran.stderr || ran.stdout);
    return ran;
  };
  const file = async (name: string, text: string) => {
    const at = path.join(alone.folder, name);
    await writeFile(at, text);
    return at;
  };
  const entries = async () =>
    (await suppressionPage(alone.store, {}, 0, 100_000))
      .map((row) =>
        [row.recipient ?? row.sha256, row.scope, row.target, row.streams, row.source, row.reason, row.actor].join('|'),
      )
      .toSorted();
  const by = ['--reason', 'asked by phone', '--actor', 'anna'];

  test('adds, shows, and removes with a history', async () => {
    const added = await run(0, 'add', 'Anna@Example.com', sha256('b@example.com'), '--scope', 'tenant:shop', ...by);
    assert.match(added.stdout, /2 of 2 suppressed \(tenant:shop, all\)/);
    assert.deepEqual(await entries(), [
      'anna@example.com|tenant|shop|all|manual|asked by phone|anna',
      `${sha256('b@example.com')}|tenant|shop|all|manual|asked by phone|anna`,
    ]);
    assert.match((await run(0, 'list', 'B@example.com')).stdout, /sha256 .*tenant:shop.*asked by phone/);
    const removed = await run(0, 'remove', 'ANNA@example.com', '--reason', 'asked again', '--actor', 'berta');
    assert.match(removed.stdout, /removed: anna@example\.com \(tenant:shop\)/);
    const shown = JSON.parse((await run(0, 'list', 'anna@example.com', '--json')).stdout);
    assert.deepEqual(shown.entries, []);
    assert.equal(shown.ended[0].endedBy, 'berta');
    assert.match((await run(0, 'remove', 'anna@example.com', ...by)).stdout, /nothing to remove/);
  });

  test('provisional entries are confirmed or removed by people', async () => {
    await run(0, 'add', 'a@x.example', 'b@x.example', 'c@x.example', '--until', '2999-01-01', ...by);
    await run(0, 'confirm', 'a@x.example', ...by);
    assert.match((await run(0, 'list', '--provisional')).stdout, /\n[bc]@x\.example.*\n[bc]@x\.example.*\n$/);
    await run(0, 'remove', '--provisional', ...by);
    assert.deepEqual(
      (await entries()).map((one) => one.split('|')[0]),
      ['a@x.example'],
    );
  });

  test('bad words are refused with what to do, and nothing is written', async () => {
    const refused = async (says: RegExp, ...args: string[]) => assert.match((await run(2, ...args)).stderr, says);
    await refused(/neither a mail address nor the SHA-256/, 'add', 'anna', ...by);
    await refused(/say why/, 'add', 'a@x.example');
    await refused(/write global, pool:NAME or tenant:NAME/, 'add', 'a@x.example', '--scope', 'everybody', ...by);
    await refused(
      /no pool "marketin": did you mean marketing/,
      'add',
      'a@x.example',
      '--scope',
      'pool:marketin',
      ...by,
    );
    await refused(/write all or marketing/, 'add', 'a@x.example', '--streams', 'some', ...by);
    await refused(/a date to come/, 'add', 'a@x.example', '--until', '2001-01-01', ...by);
    await refused(/one of the two/, 'remove', ...by);
    await refused(/one of the two/, 'confirm', 'a@x.example', '--all', ...by);
    await refused(/there is no file/, 'import', '/nowhere/list.csv');
    await refused(/is a folder/, 'import', alone.folder);
    assert.deepEqual(await entries(), []);
  });

  test('a plain list, a list of hashes, and one with columns', async () => {
    const plain = await file('plain.csv', 'A@x.example\r\nb@x.example\r\n\r\nb@x.example\r\n');
    const ran = await run(0, 'import', plain, '--scope', 'pool:marketing', '--actor', 'anna');
    assert.match(ran.stdout, /3 rows read, 2 entries new/);
    await run(0, 'import', await file('hashes.csv', `${sha256('c@x.example').toUpperCase()}\n`), '--hashed', ...by);
    const columns =
      'until,recipient,streams,scope,source,since\n,"d@x.example",marketing,tenant:shop,complaint,2026-01-31\n';
    await run(0, 'import', await file('columns.csv', columns), ...by);
    assert.deepEqual(await entries(), [
      `${sha256('c@x.example')}|global|*|all|import|asked by phone|anna`,
      'a@x.example|pool|marketing|all|import|imported from plain.csv|anna',
      'b@x.example|pool|marketing|all|import|imported from plain.csv|anna',
      'd@x.example|tenant|shop|marketing|complaint|asked by phone|anna',
    ]);
  });

  test('lists of MD5 and SHA-1: told apart by their length, found by the address, exported as they are', async () => {
    const [md5, sha1] = ['md5', 'sha1'].map(
      (name) => (address: string) => createHash(name).update(address).digest('hex'),
    ) as [typeof sha256, typeof sha256];
    await run(0, 'import', await file('md5.csv', `${md5('a@x.example')}\n${md5('b@x.example')}\n`), '--hashed', ...by);
    await run(0, 'import', await file('sha1.csv', `sha1,scope\n${sha1('c@x.example')},tenant:shop\n`), ...by);
    assert.match((await run(0, 'list', 'A@x.example')).stdout, /md5 [0-9a-f]{12}…/);
    assert.match((await run(0, 'list', 'c@x.example')).stdout, /sha1 .*tenant:shop/);
    const out = (await run(0, 'export', '-')).stdout;
    await alone.store.query('truncate suppressions');
    await run(0, 'import', await file('again.csv', out), ...by);
    assert.equal((await run(0, 'export', '-')).stdout.split('\n').sort().join(), out.split('\n').sort().join());
    await run(0, 'remove', 'a@x.example', 'c@x.example', ...by);
    const left = await alone.store.query(`select encode(key, 'hex') as key from suppressions`);
    assert.deepEqual(left.rows, [{ key: md5('b@x.example') }]);
    const wrong = (
      await run(
        2,
        'import',
        await file('mixed.csv', `${md5('a@x.example')}\n${sha1('a@x.example')}\n`),
        '--hashed',
        ...by,
      )
    ).stderr;
    assert.match(wrong, /line 2: ".*" is no MD5: 32 hexadecimal digits/);
  });

  test('wrong rows are named with their lines, and nothing of the file is imported', async () => {
    const good = Array.from({ length: 12_000 }, (_, n) => `r${n}@x.example`).join('\n');
    const ran = await run(2, 'import', await file('bad.csv', `recipient\n${good}\nnobody\n"x@x.example",1\n`), ...by);
    assert.match(ran.stderr, /line 12002: "nobody" is no mail address/);
    assert.match(ran.stderr, /line 12003: expected 1 value, found 2/);
    assert.match(ran.stderr, /nothing was imported/);
    assert.deepEqual(await entries(), []);
    const wrong = async (text: string, says: RegExp) =>
      assert.match((await run(2, 'import', await file('wrong.csv', text), ...by)).stderr, says);
    await wrong('recipient,scope\na@x.example,pool:nowhere\n', /line 2: there is no pool "nowhere"/);
    await wrong('recipient,sha256\na@x.example,12\n', /line 2: "12" is no SHA-256/);
    await wrong(`recipient,sha256\na@x.example,${sha256('b@x.example')}\n`, /sha256 is not that of a@x\.example/);
    await wrong('recipient,color\na@x.example,red\n', /line 1: "color" is no column/);
    await wrong('a@x.example,b@x.example\n', /line 1: several columns need a header line/);
    await wrong('recipient,since\na@x.example,yesterday\n', /line 2: since is "yesterday"/);
    await wrong('recipient\n"a@x.example\n', /line 2: a quote is never closed/);
    await wrong(`${'x\n'.repeat(50)}`, /and 30 more/);
  });

  test('an export read again is the same list; hashed, it names nobody', async () => {
    await run(0, 'add', 'a@x.example', '--reason', 'said "no", twice', '--actor', 'anna', '--until', '2999-01-01');
    await run(0, 'add', 'b@x.example', '--scope', 'tenant:shop', '--streams', 'marketing', ...by);
    const whole = async () =>
      (
        await alone.store.query(
          'select key, scope, target, streams, source, reason, actor, since, until, recipient from suppressions order by key',
        )
      ).rows;
    const before = await whole();
    const out = path.join(alone.folder, 'out.csv');
    assert.match((await run(0, 'export', out)).stdout, /2 entries written/);
    assert.equal((await stat(out)).mode & 0o077, 0, 'addresses are for their owner only');
    await alone.store.query('truncate suppressions');
    await run(0, 'import', out, '--actor', 'somebody else');
    assert.deepEqual(await whole(), before);
    const hashed = (await run(0, 'export', '-', '--hashed')).stdout;
    assert.doesNotMatch(hashed, /@|twice/);
    assert.match(hashed, new RegExp(sha256('a@x.example')));
    await alone.store.query('truncate suppressions');
    await run(0, 'import', await file('hashed.csv', hashed), ...by);
    assert.deepEqual(
      (await whole()).map((row) => [row.key, row.recipient]),
      before.map((row) => [row.key, null]),
    );
    assert.match(await readFile(out, 'utf8'), /^recipient,sha256,scope/);
    assert.match((await run(1, 'export', '/nowhere/out.csv')).stderr, /can not be written/);
  });
});
