import assert from 'node:assert/strict';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { StsPolicies } from '../../mta/transport-security/sts.ts';
import { fetchStsPolicy } from '../../mta/transport-security/sts-fetch.ts';
import { readStsPolicy, stsId, stsNames } from '../../mta/transport-security/sts-policy.ts';
import { createStore } from '../../store/connect.ts';
import { stsPolicyOf } from '../../store/sts.ts';
import { Authority } from './authority.ts';
import { startDatabases } from './databases.ts';

const databases = await startDatabases();
const authority = new Authority();
after(async () => {
  authority.remove();
  await databases.stop();
});

const POLICY = 'version: STSv1\r\nmode: enforce\r\nmx: mx.shop.example\r\nmx: *.mail.example\r\nmax_age: 86400\r\n';

describe('the texts of MTA-STS', () => {
  for (const [texts, id] of [
    [['v=STSv1; id=20261121T1;'], '20261121T1'],
    [['v=STSv1;id=a'], 'a'],
    [['v=spf1 -all', 'v=STSv1; id=b; ext=1'], 'b'],
    [['v=STSv1; id=a;', 'v=STSv1; id=b;'], null],
    [['v=STSv2; id=a;'], null],
    [['v=STSv1; id=not-alnum;'], null],
    [[], null],
  ] as const) {
    test(`the id in ${JSON.stringify(texts)} is ${id}`, () => assert.equal(stsId(texts), id));
  }

  test('a policy is read with either line end; unknown keys are let be', () => {
    const policy = { mode: 'enforce', mx: ['mx.shop.example', '*.mail.example'], maxAge: 86_400 };
    assert.deepEqual(readStsPolicy(POLICY), policy);
    assert.deepEqual(readStsPolicy(`future: yes\n${POLICY.replaceAll('\r', '')}max_age: 1\n`), policy);
    assert.equal(readStsPolicy('version: STSv1\nmode: none\nmax_age: 9999999999').maxAge, 31_557_600);
  });

  for (const [text, problem] of [
    ['', /version/],
    [POLICY.replace('STSv1', 'STSv2'), /version/],
    [POLICY.replace('enforce', 'strict'), /mode/],
    [POLICY.replace('max_age: 86400', 'max_age: soon'), /max_age/],
    [POLICY.replaceAll(/mx: .*\r\n/g, ''), /names no mx/],
  ] as const) {
    test(`refused: ${problem.source}`, () => assert.throws(() => readStsPolicy(text), problem));
  }

  for (const [host, named] of [
    ['mx.shop.example', true],
    ['MX.shop.example.', true],
    ['a.mail.example', true],
    ['a.b.mail.example', false],
    ['mail.example', false],
    ['evilmail.example', false],
    ['shop.example', false],
  ] as const) {
    test(`${host} is ${named ? '' : 'not '}named by the policy`, () =>
      assert.equal(stsNames(readStsPolicy(POLICY), host), named));
  }
});

interface Served {
  readonly port: number;
  answer: (request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => void;
  asked: number;
}

/** The policy host of shop.example, on loopback. */
async function policyHost(context: TestContext, names = ['mta-sts.shop.example']): Promise<Served> {
  const { cert, key } = authority.issue(names);
  const served = {
    port: 0,
    asked: 0,
    answer: ((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(POLICY)) as Served['answer'],
  };
  const server = https.createServer({ cert, key }, (request, response) => {
    served.asked += 1;
    served.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  served.port = (server.address() as AddressInfo).port;
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return served;
}

function fetched(port: number): Promise<string> {
  return fetchStsPolicy('shop.example', { port, ca: authority.pem, addressesOf: async () => ['127.0.0.1'] });
}

describe('a policy file', () => {
  test('is fetched from its host and path, with a certificate that is checked', async (context) => {
    const host = await policyHost(context);
    let asked = '';
    host.answer = (request, response) => {
      asked = `${request.headers.host} ${request.url}`;
      response.writeHead(200, { 'content-type': 'text/plain' }).end(POLICY);
    };
    assert.equal(await fetched(host.port), POLICY);
    assert.equal(asked, 'mta-sts.shop.example /.well-known/mta-sts.txt');
  });

  test('is not believed with a certificate for another name, or of an unknown authority', async (context) => {
    const other = await policyHost(context, ['www.shop.example']);
    await assert.rejects(fetched(other.port), /Hostname|altnames/i);
    const host = await policyHost(context);
    const unknown = { port: host.port, addressesOf: async () => ['127.0.0.1'] };
    await assert.rejects(fetchStsPolicy('shop.example', unknown), /certificate|issuer/i);
    assert.equal(other.asked + host.asked, 0);
  });

  for (const [what, answer, problem] of [
    ['a redirect', (r) => r.writeHead(301, { location: 'https://mta-sts.shop.example/' }).end(), /answered 301/],
    ['a missing file', (r) => r.writeHead(404, { 'content-type': 'text/plain' }).end(POLICY), /answered 404/],
    ['HTML', (r) => r.writeHead(200, { 'content-type': 'text/html' }).end(POLICY), /not text\/plain/],
    [
      'a file too large',
      (r) => r.writeHead(200, { 'content-type': 'text/plain' }).end('x'.repeat(70_000)),
      /more than/,
    ],
    [
      'half a file',
      (r) => {
        r.writeHead(200, { 'content-type': 'text/plain', 'content-length': 5_000 }).write(POLICY);
        setTimeout(() => r.destroy(), 50);
      },
      /aborted|broke off|hang up/,
    ],
  ] as readonly (readonly [string, (response: import('node:http').ServerResponse) => void, RegExp])[]) {
    test(`is not taken from ${what}`, async (context) => {
      const host = await policyHost(context);
      host.answer = (_request, response) => answer(response);
      await assert.rejects(fetched(host.port), problem);
    });
  }

  test('needs a host with an address', async () => {
    const options = { port: 443, addressesOf: async () => [] };
    await assert.rejects(fetchStsPolicy('shop.example', options), /mta-sts\.shop\.example has no address/);
  });
});

describe('policies', () => {
  async function world(context: TestContext) {
    const store = createStore(await databases.create(), { max: 2 });
    context.after(() => store.end());
    const state = {
      id: 'one' as string | null,
      dns: true,
      policy: POLICY as string | Error,
      fetches: 0,
      now: Date.now(),
    };
    const make = () =>
      new StsPolicies({
        db: store,
        texts: async () => {
          if (!state.dns) throw new Error('SERVFAIL');
          return { texts: state.id === null ? [] : [`v=STSv1; id=${state.id};`], ttl: 60 };
        },
        fetch: async () => {
          state.fetches += 1;
          if (state.policy instanceof Error) throw state.policy;
          return state.policy;
        },
        clock: () => state.now,
        log: () => {},
      });
    return { store, state, make };
  }
  const HOUR = 3_600_000;

  test('are fetched once, remembered, and known to other processes through the store', async (context) => {
    const { state, make, store } = await world(context);
    const one = make();
    assert.equal(one.known('shop.example'), undefined);
    const [a, b] = await Promise.all([one.policyOf('shop.example'), one.policyOf('shop.example')]);
    assert.equal(a, b);
    assert.equal(one.known('shop.example')?.mode, 'enforce');
    assert.equal((await make().policyOf('shop.example'))?.id, 'one');
    assert.equal(state.fetches, 1);
    assert.equal((await stsPolicyOf(store, 'shop.example'))?.maxAge, 86_400);
  });

  test('outlive what blocks the fetch, the record and the DNS, until max_age', async (context) => {
    const { state, make } = await world(context);
    const policies = make();
    await policies.policyOf('shop.example');
    state.policy = new Error('unreachable');
    state.id = 'two';
    state.now += 2 * HOUR;
    assert.equal((await policies.policyOf('shop.example'))?.id, 'one', 'the fetch of a newer one fails');
    assert.equal(state.fetches, 2);
    state.id = null;
    assert.equal((await policies.policyOf('shop.example'))?.mode, 'enforce', 'the record vanished');
    state.dns = false;
    assert.equal((await policies.policyOf('shop.example'))?.mode, 'enforce', 'DNS does not answer');
    assert.equal((await make().policyOf('shop.example'))?.mode, 'enforce', 'a process that starts now knows it too');
    state.now += 23 * HOUR;
    assert.equal(await policies.policyOf('shop.example'), null, 'its time is over');
  });

  test('are fetched again when their id changes, and before their time runs out', async (context) => {
    const { state, make } = await world(context);
    const policies = make();
    await policies.policyOf('shop.example');
    state.id = 'two';
    state.policy = POLICY.replace('enforce', 'none');
    assert.equal((await policies.policyOf('shop.example'))?.mode, 'none');
    state.now += 13 * HOUR;
    assert.equal(policies.known('shop.example')?.mode, 'none', 'nobody waits for the refresh');
    for (let n = 0; n < 100 && state.fetches < 3; n++) await sleep(20);
    assert.equal(state.fetches, 3);
  });

  test('hold while the store is away: they are looked for at their domain, and in the store again soon', async (context) => {
    const { store, state, make } = await world(context);
    await store.query('alter table sts_policies rename to away');
    assert.equal((await make().policyOf('shop.example'))?.mode, 'enforce', 'fetched, though it can not be kept');
    await store.query('alter table away rename to sts_policies');
    await make().policyOf('shop.example');
    await store.query('alter table sts_policies rename to away');
    state.id = null;
    const policies = make();
    assert.equal(await policies.policyOf('shop.example'), null, 'nothing is known of it now');
    await store.query('alter table away rename to sts_policies');
    state.now += 6_000;
    assert.equal(policies.known('shop.example'), undefined, 'nobody goes on without it');
    assert.equal((await policies.policyOf('shop.example'))?.mode, 'enforce');
  });

  test('a domain without one is not asked for every message, and one that can not be had asks for nothing', async (context) => {
    const { state, make } = await world(context);
    state.id = null;
    const policies = make();
    assert.equal(await policies.policyOf('plain.example'), null);
    assert.equal(policies.known('plain.example'), null);
    state.dns = false;
    assert.equal(await policies.policyOf('dead.example'), null);
    assert.equal(policies.known('dead.example'), null);
    assert.equal(state.fetches, 0);
  });
});
