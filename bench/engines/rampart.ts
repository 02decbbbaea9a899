/**
 * Rampart with everything on: two MTA processes, a pool of warm addresses under a large normal limit, spool commit
 * before 250, claims, units, outcomes, rollups. Only AUTH and TLS are off, as they are on Postfix's side. Its name
 * server is the lab's.
 */
import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { RoleProcess } from '../../cli/roles/child.ts';
import type { RoleOrders } from '../../cli/roles/spec.ts';
import { DnsServer } from '../../lab/dns-server.ts';
import { Zone } from '../../lab/dns-zone.ts';
import { newKeyPair } from '../../mta/signing/key-pair.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { createStore, type Store } from '../../store/connect.ts';
import { activateDkimKey, addDkimKey } from '../../store/dkim.ts';
import { upsertAddress, upsertPool } from '../../store/lanes.ts';
import { migrate } from '../../store/migrate.ts';
import { CONNECTIONS, type Engine, type Target } from './engine.ts';
import { peakMegabytes } from './memory.ts';

const POOL = 'bench';
const PROCESSES = 2;
/** Connections a lane keeps in one process. Nothing else is limited: Postfix reuses and opens connections as it likes. */
const PER_LANE = 8;
const NORMAL = 1_000_000_000;

export interface RampartEngine extends Engine {
  readonly store: Store;
}

export async function startRampart(
  url: string,
  target: Target,
  options: { readonly name: string; readonly logs: string; readonly dkim?: boolean },
): Promise<RampartEngine> {
  const store = createStore(url, { max: 3 });
  await migrate(store);
  const zone = new Zone();
  zone.addMx(target.domain, `mx.${target.domain}`, 10);
  zone.addHost(`mx.${target.domain}`, target.ip);
  const dns = new DnsServer(zone);
  const dnsPort = await dns.start();
  const calendar = {
    kind: 'civil',
    zone: 'UTC',
    sendDays: [1, 2, 3, 4, 5, 6, 7],
    sendHours: { from: 0, to: 24 },
  } as const;
  await upsertPool(store, { name: POOL, overflow: 'warm-peers', calendar });
  for (let n = 1; n <= CONNECTIONS / PROCESSES / PER_LANE; n++) {
    const place = { address: `127.31.1.${n}`, pool: POOL, node: 'bench', ehloName: `mta-${n}.shop.example` };
    await upsertAddress(store, place, [{ provider: 'other', phase: 'warm', ceiling: NORMAL, normal: NORMAL }]);
  }
  const port = await freePort();
  const mta = {
    hostname: 'mta.shop.example',
    submission: { host: '127.0.0.1', port: await freePort(), maxBytes: 1_000_000, users: [] },
    injection: {
      // Trusted peers instead of AUTH, which smtp-source does not speak; sessions may be as long as Postfix lets them.
      listeners: [
        { role: 'internal', host: '127.0.0.1', port, peers: ['127.0.0.1'], pools: [POOL], domains: [], rate: null },
      ],
      limits: { perAddress: 500, messagesPerConnection: 1_000_000 },
    },
    delivery: {
      tls: { default: 'opportunistic', providers: {}, domains: {} },
      sts: {},
      dane: true,
      dkim: { files: options.dkim ? [await signingKey(store, options.logs)] : [], alsoSign: {} },
    },
    resolvers: [`127.0.0.1:${dnsPort}`],
    smtpPort: target.port,
    traceKey: 'the key of the benchmark',
    bounceDomain: 'bounces.shop.example',
    shaping: {
      default: { connections: PER_LANE * PROCESSES, messagesPerConnection: 1_000, connectionsPerMinute: 1_000_000 },
    },
  };
  const spec = { node: 'bench', mta } as unknown as RoleOrders['spec'];
  const processes = Array.from({ length: PROCESSES }, (_, n) => {
    const name = `mta-${n + 1}`;
    const log = path.join(options.logs, `${options.name}-${name}.log`);
    return new RoleProcess('mta', { spec, name, databaseUrl: url }, log, (line) => console.error(line));
  });
  await Promise.all(processes.map((one) => one.start()));
  return {
    name: options.name,
    port,
    store,
    peakMegabytes: () => peakMegabytes(processes.map((one) => one.pid)),
    pids: () => processes.map((one) => one.pid),
    usesDatabase: true,
    stop: async () => {
      await Promise.all(processes.map((one) => one.stop()));
      await dns.stop();
      await store.end();
    },
  };
}

/** An RSA-2048 key of the sender's domain that is in use. */
async function signingKey(store: Store, folder: string) {
  const { publicKey, privatePem } = newKeyPair('rsa-sha256');
  const name = { domain: 'shop.example', selector: 'bench' };
  const file = path.join(folder, 'dkim.pem');
  await writeFile(file, privatePem);
  await chmod(file, 0o600);
  await addDkimKey(store, { ...name, algorithm: 'rsa-sha256', publicKey, privateKey: null });
  await activateDkimKey(store, name.domain, name.selector, 0);
  return { ...name, file };
}
