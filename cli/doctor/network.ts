/** What lies outside: the addresses this machine sends from, DNS, Temporal and the seeds' mailboxes. */
import { Resolver } from 'node:dns/promises';
import { createServer } from 'node:net';
import { ImapFlow } from 'imapflow';
import type { ResolvedConfig, ResolvedSeed } from '../config/load.ts';
import type { RunningInstance } from '../instance.ts';
import { type Check, ok, said, wrong } from './check.ts';

const LIMIT_MS = 5_000;

/** A failed bind never falls back to the machine's default address: mail of that lane would wait for ever. */
export async function checkAddresses(config: ResolvedConfig): Promise<Check[]> {
  const ips = config.pools.flatMap((pool) => pool.addresses.map((address) => address.ip));
  return Promise.all(
    ips.map(async (ip) => {
      const problem = await bindProblem(ip);
      if (problem === undefined) return ok(`address ${ip}`, 'this machine can send from it');
      return wrong(`address ${ip}`, problem, `add it to an interface: ip address add ${ip}/32 dev <interface>`);
    }),
  );
}

function bindProblem(ip: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(`can not be bound (${error.code})`));
    server.listen({ host: ip, port: 0 }, () => server.close(() => resolve(undefined)));
  });
}

/** Asks the servers the MTA asks. */
function resolverOf(config: ResolvedConfig): Resolver {
  const resolver = new Resolver({ timeout: LIMIT_MS / 2, tries: 1 });
  if (config.mta.resolvers.length > 0) resolver.setServers([...config.mta.resolvers]);
  return resolver;
}

/** TXT records of a name, the strings of each joined; none: []. Rejects when no server answers. */
export async function textsOf(config: ResolvedConfig, name: string): Promise<string[]> {
  try {
    return (await resolverOf(config).resolveTxt(name)).map((strings) => strings.join(''));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
    throw error;
  }
}

export async function checkDns(config: ResolvedConfig): Promise<Check> {
  const resolver = resolverOf(config);
  const servers = resolver.getServers().join(', ');
  try {
    await resolver.resolveMx('gmail.com');
    return ok('dns', `${servers} answers`);
  } catch (error) {
    // "No such name" is an answer: a lab's or a closed network's server does not know gmail.com.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTFOUND' || code === 'ENODATA')
      return ok('dns', `${servers} answers (and does not know gmail.com)`);
    return wrong(
      'dns',
      `${servers}: ${code ?? said(error)}`,
      'name a working server in mta.resolvers, or mend /etc/resolv.conf',
    );
  }
}

export async function checkTemporal(instance: RunningInstance): Promise<Check> {
  const { connectTemporal } = await import('../../temporal/client.ts');
  const { temporalAddress, namespace } = instance;
  const at = temporalAddress ?? process.env.TEMPORAL_ADDRESS ?? 'no address';
  const todo = 'start it with ./rampart up, or correct TEMPORAL_ADDRESS';
  if (temporalAddress === undefined && !process.env.TEMPORAL_ADDRESS)
    return wrong('temporal', 'nothing says where it is', todo);
  try {
    const temporal = await connectTemporal({
      ...(temporalAddress === undefined ? {} : { address: temporalAddress }),
      ...(temporalAddress === undefined || namespace === undefined ? {} : { namespace }),
      timeoutMs: LIMIT_MS,
    });
    await temporal.close();
    return ok('temporal', `${at} answers`);
  } catch (error) {
    return wrong('temporal', `${at}: ${said(error)}`, todo);
  }
}

/** Logs in to every seed's mailbox as the placement sensor does. */
export function checkSeeds(config: ResolvedConfig): Promise<Check[]> {
  return Promise.all(config.seeds.map(checkSeed));
}

async function checkSeed(seed: ResolvedSeed): Promise<Check> {
  const name = `seed ${seed.address}`;
  const loopback = seed.host === 'localhost' || /^127\./.test(seed.host);
  const client = new ImapFlow({
    host: seed.host,
    port: seed.port,
    secure: seed.secure,
    ...(seed.secure || loopback ? {} : { doSTARTTLS: true }),
    auth: { user: seed.user, pass: seed.password },
    logger: false,
    connectionTimeout: LIMIT_MS,
    greetingTimeout: LIMIT_MS,
    socketTimeout: LIMIT_MS,
  });
  // Without a listener an error of the socket ends the process.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.logout();
    return ok(name, `logs in at ${seed.host}:${seed.port}`);
  } catch (error) {
    client.close();
    const { responseText } = error as { responseText?: string };
    return wrong(
      name,
      responseText ?? said(error),
      'correct its host, user or password: until then its probes are unobserved',
    );
  }
}
