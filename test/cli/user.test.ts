import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { verifyPassword } from '../../store/password.ts';
import { findUser } from '../../store/users.ts';
import { type DatabaseAlone, databaseAlone } from './command-line.ts';

describe('users', () => {
  let alone: DatabaseAlone;
  before(async () => {
    alone = await databaseAlone();
  });
  after(() => alone.stop());

  test('add shows a password once and keeps its hash; list shows rights and no hash; remove and password', async () => {
    const args = ['--pools', 'marketing', '--domains', 'Shop.example,*.shop.example', '--rate', '5000'];
    args.push('--tenants', 'acme, acme-2', '--streams', 'transactional');
    const added = await alone.run('user', 'add', 'shop', ...args, '--json');
    assert.equal(added.code, 0, added.stderr);
    const { password, ...rest } = JSON.parse(added.stdout);
    const rights = {
      ...{ name: 'shop', pools: ['marketing'], domains: ['shop.example', '*.shop.example'], rate: 5000 },
      ...{ tenants: ['acme', 'acme-2'], streams: ['transactional'] },
    };
    assert.deepEqual(rest, rights);
    const user = await findUser(alone.store, 'shop');
    assert.match(user?.passwordHash ?? '', /^scrypt\$16384\$8\$5\$/);
    assert.equal(await verifyPassword(password, user?.passwordHash ?? ''), true);
    assert.equal(await verifyPassword(`${password}x`, user?.passwordHash ?? ''), false);

    const listed = await alone.run('user', 'list', '--json');
    const [row] = JSON.parse(listed.stdout).users;
    const { createdAt: _, changedAt: __, ...shown } = row;
    assert.deepEqual(shown, rights);
    assert.doesNotMatch(listed.stdout, /scrypt/);

    const again = await alone.run('user', 'add', 'shop', ...args);
    assert.equal(again.code, 2);
    assert.match(again.stderr, /user shop is there already: \.\/rampart user password shop/);

    const given = await alone.runWith('a password from stdin\n', 'user', 'password', 'shop', '--password-stdin');
    assert.equal(given.code, 0, given.stderr);
    assert.doesNotMatch(given.stdout, /a password from stdin/);
    const changed = await findUser(alone.store, 'shop');
    assert.equal(await verifyPassword('a password from stdin', changed?.passwordHash ?? ''), true);

    const less = await alone.run('user', 'rights', 'shop', '--tenants', 'acme', '--rate', 'none', '--json');
    assert.deepEqual(JSON.parse(less.stdout), { ...rights, tenants: ['acme'], rate: null }, less.stderr);
    const freed = await alone.run('user', 'rights', 'shop', '--tenants', '', '--streams', '');
    assert.match(freed.stdout, /user shop may send .* for every tenant, marketing and transactional, without a rate/);
    const kept = await findUser(alone.store, 'shop');
    assert.deepEqual([kept?.passwordHash, kept?.domains], [changed?.passwordHash, rights.domains]);

    assert.equal((await alone.run('user', 'remove', 'shop')).code, 0);
    assert.equal(await findUser(alone.store, 'shop'), undefined);
    assert.match((await alone.run('user', 'remove', 'shop')).stderr, /there is no user shop/);
  });

  test('bad input says what to do, and writes nothing', async () => {
    const refused = async (says: RegExp, ...args: string[]) => {
      const ran = await alone.runWith('short', 'user', ...args);
      assert.equal(ran.code, 2, ran.stdout);
      assert.match(ran.stderr, says);
    };
    await refused(/--pools: name at least one pool/, 'add', 'shop');
    await refused(/--pools: there is no pool "x": there are lonely, marketing/, 'add', 'shop', '--pools', 'x');
    await refused(/"a:b" is no user name/, 'add', 'a:b', '--pools', 'marketing');
    await refused(/--rate: "fast" is no rate/, 'add', 'shop', '--pools', 'marketing', '--rate', 'fast');
    await refused(/--domains: "@x" is no domain/, 'add', 'shop', '--pools', 'marketing', '--domains', '@x');
    await refused(/say what changes: --pools/, 'rights', 'shop');
    await refused(/there is no user shop/, 'rights', 'shop', '--rate', '5');
    await refused(/--pools: name at least one pool/, 'rights', 'shop', '--pools', '');
    await refused(/--streams: "bulk" is no stream/, 'add', 'shop', '--pools', 'marketing', '--streams', 'bulk');
    await refused(/--tenants: .* at most 128/, 'add', 'shop', '--pools', 'marketing', '--tenants', 't'.repeat(129));
    await refused(/has 5 bytes: give 12 to 1024/, 'add', 'shop', '--pools', 'marketing', '--password-stdin');
    assert.equal(await findUser(alone.store, 'shop'), undefined);
  });
});
