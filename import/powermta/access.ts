/**
 * Who hands in mail, and where reports arrive: smtp-users, sources, listeners, feedback and bounce processors.
 */
import { isIPv4 } from 'node:net';
import type { Draft, DraftListener, DraftTls, DraftUser, ImportedSecret } from '../draft.ts';
import type { Ends } from './ends.ts';
import { listOf, wordsOf } from './lines.ts';
import type { Model } from './model.ts';
import { secretName } from './secrets.ts';
import { type Block, blocksOf, type Directive, directivesOf } from './tree.ts';
import { booleanOf, sizeOf } from './values.ts';

/** What the importer may ask about the machine it runs on. */
export interface Machine {
  /** Can this file be read here? */
  readable(file: string): boolean;
}

type Mta = NonNullable<Draft['mta']>;

export interface Access {
  readonly users: readonly DraftUser[];
  readonly mta: Mta;
}

/** `poolOf`: Rampart pool by the name of a virtual MTA or pool; `fallback`: for users nobody gave one. */
export function accessFrom(
  model: Model,
  ends: Ends,
  poolOf: (name: string) => string | undefined,
  fallback: string,
  secrets: ImportedSecret[],
  machine: Machine,
): Access {
  const { root } = model.tree;
  const sources = blocksOf(root, 'source');
  const poolIn = (source: Block | undefined) => defaultPool(source === undefined ? [] : [source], poolOf, ends);
  const tagged = (tag: string) => sources.filter((source) => source.parameter === tag);
  const anySource = defaultPool([...tagged('{auth}'), ...tagged('0/0')], poolOf, ends);
  const users = usersFrom(root, secrets, ends, (source) => {
    const own = tagged(source.startsWith('{') ? source : `{${source}}`);
    return poolIn(own.findLast((one) => directivesOf(one, 'default-virtual-mta').length > 0)) ?? anySource ?? fallback;
  });
  const listeners = directivesOf(root, 'smtp-listener').flatMap((line) => {
    const place = listenerOf(line);
    return place === undefined ? [] : [{ line, ...place }];
  });
  const feedback = feedbackFrom(root, ends);
  const tls = tlsOf(root, ends, machine);
  const inboundAt = feedback.length > 0 ? listeners.find(({ port }) => port === 25) : undefined;
  const submissions = listeners.filter((one) => one !== inboundAt);
  const internal = internalFrom(sources, submissions.length > 0 ? submissions : listeners, poolIn, fallback, ends);
  for (const { line, port } of submissions) ends.translated(line, `submission on port ${port}`);
  const [first, ...more] = submissions.map(({ host, port }) => ({ host, port, ...(tls === undefined ? {} : { tls }) }));
  const others: DraftListener[] = [...more.map((one) => ({ role: 'submission' as const, ...one })), ...internal];
  if (inboundAt !== undefined) ends.translated(inboundAt.line, 'mta.inbound: reports arrive here');
  const inbound =
    feedback.length === 0
      ? undefined
      : { host: inboundAt?.host ?? '127.0.0.1', port: inboundAt?.port ?? 2526, feedbackAddresses: feedback };
  const bounceDomain = bounceDomainFrom(root, ends);
  const maxBytes = largestMessage(sources, ends);
  return {
    users,
    mta: {
      ...(first === undefined ? {} : { submission: first }),
      ...(others.length === 0 ? {} : { listeners: others }),
      ...(inbound === undefined ? {} : { inbound }),
      ...(bounceDomain === undefined ? {} : { bounceDomain }),
      ...(maxBytes === undefined ? {} : { maxBytes }),
    },
  };
}

function defaultPool(
  sources: readonly Block[],
  poolOf: (name: string) => string | undefined,
  ends: Ends,
): string | undefined {
  let found: string | undefined;
  for (const line of sources.flatMap((source) => directivesOf(source, 'default-virtual-mta'))) {
    const pool = poolOf(wordsOf(line.value)[0] ?? '');
    if (pool === undefined) continue;
    found ??= pool;
    ends.translated(line, `pool ${pool} of its users`);
  }
  return found;
}

function usersFrom(
  root: Block,
  secrets: ImportedSecret[],
  ends: Ends,
  poolOf: (source: string) => string,
): DraftUser[] {
  const users = new Map<string, DraftUser>();
  for (const block of blocksOf(root, 'smtp-user')) {
    const name = block.parameter;
    const password = directivesOf(block, 'password').findLast((line) => line.value !== '');
    if (name === '') continue;
    if (password === undefined) {
      ends.notSupported(block, 'it has no password: add it with ./rampart user add');
      continue;
    }
    const source = directivesOf(block, 'source').at(-1);
    const pool = poolOf(source?.value ?? '');
    const env = users.get(name)?.password.env ?? secretName(name, new Set(secrets.map((secret) => secret.env)));
    const at = secrets.findIndex((secret) => secret.env === env);
    if (at === -1) secrets.push({ env, value: wordsOf(password.value)[0] ?? '' });
    else secrets[at] = { env, value: wordsOf(password.value)[0] ?? '' };
    users.set(name, { name, password: { env }, pools: [pool] });
    ends.translated(block, `user of pool ${pool}`);
    ends.translated(password, `from the environment variable ${env}`);
    if (source !== undefined) ends.translated(source, `pool ${pool}`);
  }
  return [...users.values()];
}

/** `IP:port`, `IP/bits:port`, `[::]:port`, with options behind it. */
function listenerOf(line: Directive): { readonly host: string; readonly port: number } | undefined {
  const [word = ''] = wordsOf(line.value);
  const [, host, port] = /^([0-9.]+)(?:\/\d+)?:(\d{1,5})$/.exec(word) ?? [];
  const padded = `${host}.0.0.0`.split('.').slice(0, 4).join('.');
  return host !== undefined && isIPv4(padded) && Number(port) > 0 && Number(port) < 65_536
    ? { host: padded, port: Number(port) }
    : undefined;
}

/** The certificate file holds the key as well. It is named only where it is: a configuration must load here. */
function tlsOf(root: Block, ends: Ends, machine: Machine): DraftTls | undefined {
  const line = directivesOf(root, 'smtp-server-tls-certificate').at(-1);
  if (line === undefined) return undefined;
  const [file = ''] = wordsOf(line.value);
  if (!machine.readable(file)) {
    ends.notSupported(line, 'the file is not on this machine: copy it and set tls of the listeners');
    return undefined;
  }
  ends.translated(line, 'tls of the listeners');
  return { cert: file, key: file };
}

/**
 * Networks that hand in mail without signing in become a listener of their own: a listener has one rule for all who come
 * to it. 0/0 does not: it would be an open relay.
 */
function internalFrom(
  sources: readonly Block[],
  listeners: readonly { readonly host: string; readonly port: number }[],
  poolIn: (source: Block) => string | undefined,
  fallback: string,
  ends: Ends,
): DraftListener[] {
  const byPool = new Map<string, string[]>();
  for (const source of sources) {
    const yes = (name: string) => directivesOf(source, name).some((line) => booleanOf(line.value) === true);
    if (!yes('always-allow-relaying') || yes('require-auth')) continue;
    const network = networkOf(source.parameter);
    if (network === undefined) continue;
    if (network.endsWith('/0')) {
      ends.notNeeded(source, 'everybody without signing in would be an open relay: users sign in');
      continue;
    }
    const pool = poolIn(source) ?? fallback;
    byPool.set(pool, [...(byPool.get(pool) ?? []), network]);
    ends.translated(source, `a listener with role internal, for pool ${pool}`);
    for (const line of directivesOf(source, 'always-allow-relaying')) ends.translated(line, 'peers of that listener');
  }
  const taken = new Set(listeners.map(({ port }) => port));
  // Peers of a network come from outside: a listener on loopback would not hear them.
  const reachable = listeners.find(({ host }) => !host.startsWith('127.')) ?? listeners[0];
  let port = 2_600;
  return [...byPool].map(([pool, peers]) => {
    while (taken.has(port)) port += 1;
    taken.add(port);
    return {
      role: 'internal',
      host: reachable?.host ?? '127.0.0.1',
      port,
      peers: [...new Set(peers)],
      pools: [pool],
    };
  });
}

function networkOf(text: string): string | undefined {
  if (text === 'localhost') return '127.0.0.1';
  const [base = '', bits] = text.split('/');
  const padded = bits === undefined ? base : `${base}.0.0.0`.split('.').slice(0, 4).join('.');
  if (!isIPv4(padded) || (bits !== undefined && !(/^\d{1,2}$/.test(bits) && Number(bits) <= 32))) return undefined;
  return bits === undefined ? padded : `${padded}/${bits}`;
}

/** Addresses that feedback reports are sent to, where they are named one by one. */
function feedbackFrom(root: Block, ends: Ends): string[] {
  const addresses = new Set<string>();
  const relayed = directivesOf(root, 'relay-address');
  for (const list of blocksOf(root, 'feedback-loop-processor').flatMap((block) => blocksOf(block, 'address-list'))) {
    for (const line of directivesOf(list, 'address')) {
      const address = literalOf(line.value);
      if (address === undefined) continue;
      addresses.add(address);
      ends.translated(line, 'mta.inbound.feedbackAddresses');
    }
    for (const line of directivesOf(list, 'domain')) {
      const [domain = ''] = listOf(line.value);
      for (const relay of relayed) {
        const [address = ''] = wordsOf(relay.value);
        if (!address.toLowerCase().endsWith(`@${domain.toLowerCase()}`) || !isAddress(address)) continue;
        addresses.add(address.toLowerCase());
        ends.translated(relay, 'mta.inbound.feedbackAddresses');
        ends.translated(line, 'mta.inbound.feedbackAddresses');
      }
    }
  }
  return [...addresses];
}

/** The address a pattern stands for, when it stands for one. */
function literalOf(value: string): string | undefined {
  const [, pattern] = /^\/\^?(.*?)\$?\/[a-z]*$/.exec(value) ?? [];
  const text = (pattern ?? value).replace(/\\([.@+-])/g, '$1').toLowerCase();
  return isAddress(text) ? text : undefined;
}

function isAddress(text: string): boolean {
  return /^[a-z0-9._+-]+@([a-z0-9-]+\.)+[a-z0-9-]+$/i.test(text);
}

/** Return paths that name their recipient lead to the first domain whose bounces were processed. */
function bounceDomainFrom(root: Block, ends: Ends): string | undefined {
  let first: string | undefined;
  for (const list of blocksOf(root, 'bounce-processor').flatMap((block) => blocksOf(block, 'address-list'))) {
    for (const line of directivesOf(list, 'domain')) {
      const [domain = ''] = listOf(line.value);
      if (!/^([a-z0-9-]+\.)+[a-z0-9-]+$/i.test(domain)) continue;
      first ??= domain.toLowerCase();
      if (domain.toLowerCase() === first)
        ends.translated(line, 'mta.bounceDomain: return paths are made there, and name their recipient');
      else ends.notSupported(line, `return paths are made in one domain: ${first}`);
    }
  }
  return first;
}

function largestMessage(sources: readonly Block[], ends: Ends): number | undefined {
  let largest: number | undefined;
  for (const line of sources.flatMap((source) => directivesOf(source, 'max-message-size'))) {
    const size = sizeOf(wordsOf(line.value)[0] ?? '');
    if (size === 'unlimited') ends.notNeeded(line, 'mta.maxBytes is 25 MB: raise it where larger messages are sent');
    if (size === undefined || size === 'unlimited') continue;
    largest = Math.max(largest ?? 0, size);
    ends.translated(line, 'mta.maxBytes');
  }
  return largest;
}
