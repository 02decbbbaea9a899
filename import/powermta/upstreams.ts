/**
 * A virtual MTA whose `<domain *>` has smtp-hosts hands all of its mail to another engine: a pool with an upstream.
 */
import { type DraftPool, type DraftUpstream, type ImportedSecret, namer } from '../draft.ts';
import { effectiveSettings, type Setting } from './effective.ts';
import type { Ends } from './ends.ts';
import { wordsOf } from './lines.ts';
import type { Model } from './model.ts';
import { secretName } from './secrets.ts';
import type { Directive } from './tree.ts';
import { addressesOf, booleanOf } from './values.ts';

export interface Upstreams {
  readonly pools: Readonly<Record<string, DraftPool>>;
  /** Rampart pool by the name of a virtual MTA or pool. */
  readonly poolOf: ReadonlyMap<string, string>;
}

export function upstreamsFrom(model: Model, ends: Ends, secrets: ImportedSecret[]): Upstreams {
  const pools: Record<string, DraftPool> = {};
  const poolOf = new Map<string, string>();
  const name = namer();
  for (const vmta of model.vmtas.values()) {
    const { settings } = effectiveSettings(model, '*', vmta.name);
    const hosts = settings.get('smtp-hosts') ?? settings.get('route');
    if (hosts?.from == null) continue;
    const read = hostsOf(hosts.value, settings.get('default-smtp-port')?.value ?? '25');
    if (read === undefined) {
      ends.notSupported(hosts.from, 'mail can be handed to hosts by name or address, not to the MX of another domain');
      continue;
    }
    const called = name(`${vmta.name}-upstream`);
    pools[called] = { upstream: upstreamOf(read, settings, vmta.sources[0], vmta.name, ends, secrets) };
    poolOf.set(vmta.name, called);
    ends.translated(hosts.from, `pools.${called}.upstream.hosts`);
    for (const block of vmta.blocks) ends.translated(block, `pool ${called}`);
  }
  for (const pool of model.pools.values()) {
    const members = pool.members.map((member) => poolOf.get(member));
    const [first] = members;
    if (first === undefined || members.includes(undefined)) continue;
    poolOf.set(pool.name, first);
    for (const block of pool.blocks) ends.translated(block, `pool ${first}`);
  }
  return { pools, poolOf };
}

function upstreamOf(
  hosts: readonly string[],
  settings: ReadonlyMap<string, Setting>,
  source: Directive | undefined,
  vmta: string,
  ends: Ends,
  secrets: ImportedSecret[],
): DraftUpstream {
  const user = settings.get('auth-username');
  const password = settings.get('auth-password');
  let auth: DraftUpstream['auth'];
  if (user?.from != null && password?.from != null) {
    const env = secretName(`UPSTREAM_${vmta}`, new Set(secrets.map((secret) => secret.env)));
    secrets.push({ env, value: password.value });
    auth = { user: user.value, password: { env } };
    ends.translated(user.from, 'upstream.auth.user');
    ends.translated(password.from, `upstream.auth.password, from the environment variable ${env}`);
  }
  const required = settings.get('require-starttls');
  const far = hosts.some((host) => !/^(localhost|127\.)/.test(host));
  // A password may not go in clear to a far host, whatever the file says.
  const tls = booleanOf(required?.value ?? '') === true || (auth !== undefined && far) ? 'required' : 'opportunistic';
  if (required?.from != null) ends.translated(required.from, `upstream.tls: '${tls}'`);
  const connections = figure(settings.get('max-smtp-out'), ends, 'upstream.connections');
  const messages = figure(settings.get('max-msg-per-connection'), ends, 'upstream.messagesPerConnection');
  const words = wordsOf(source?.value ?? '');
  const localAddress = words.find((word) => addressesOf(word)?.length === 1);
  const ehloName = words.find((word) => /^[a-z0-9.-]+\.[a-z]{2,}$/i.test(word));
  if (source !== undefined && localAddress !== undefined) ends.translated(source, 'upstream.localAddress');
  return {
    hosts,
    ...(auth === undefined ? {} : { auth }),
    tls,
    ...(connections === undefined ? {} : { connections }),
    ...(messages === undefined ? {} : { messagesPerConnection: messages }),
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(ehloName === undefined ? {} : { ehloName }),
  };
}

function figure(setting: Setting | undefined, ends: Ends, becomes: string): number | undefined {
  if (setting?.from == null || !/^[1-9]\d{0,8}$/.test(setting.value)) return undefined;
  ends.translated(setting.from, becomes);
  return Number(setting.value);
}

/** `h1,h2;h3` (by preference), `[10.0.0.1]:25`; undefined for `lookup-mx:domain`. */
function hostsOf(value: string, defaultPort: string): string[] | undefined {
  if (/lookup-mx/i.test(value)) return undefined;
  const hosts = value
    .split(/[,;\s]+/)
    .filter((one) => one !== '')
    .map((one) => one.replace(/^\[([0-9.]+)\]/, '$1'))
    .map((one) => (/:\d+$/.test(one) || defaultPort === '25' ? one : `${one}:${defaultPort}`));
  return hosts.length > 0 && hosts.every((one) => /^[a-z0-9._-]+(:\d{1,5})?$/i.test(one)) ? hosts : undefined;
}
