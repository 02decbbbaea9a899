/**
 * Virtual MTAs and pools become pools of addresses. In PowerMTA a source address may be in many virtual MTAs and those in
 * many pools; a Rampart address belongs to one pool, once. Pools come first, in the order of the file; a name whose
 * addresses are all taken leads to the pool that has them.
 */
import { isIP } from 'node:net';
import { type DraftAddress, namer } from '../draft.ts';
import type { Ends } from './ends.ts';
import { wordsOf } from './lines.ts';
import type { Model, VirtualMta } from './model.ts';
import { directivesOf } from './tree.ts';
import { addressesOf } from './values.ts';

export interface PoolDraft {
  /** Its name in Rampart. */
  readonly name: string;
  /** Virtual MTAs whose queues its mail used, with how many addresses each has. */
  readonly vmtas: { readonly name: string; readonly addresses: number; readonly cold: boolean }[];
  readonly addresses: Omit<DraftAddress, 'normal'>[];
}

export interface Addresses {
  readonly pools: readonly PoolDraft[];
  /** Rampart pool by the name of a virtual MTA or pool. */
  readonly poolOf: ReadonlyMap<string, PoolDraft>;
  /** Cold virtual MTAs by the name of the warm one or pool whose mail warms them. */
  readonly coldOf: ReadonlyMap<string, readonly string[]>;
}

const HOST = /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i;

/** `skip`: virtual MTAs whose mail goes to another engine instead. */
export function addressesFrom(
  model: Model,
  ends: Ends,
  hostName: string | undefined,
  skip: ReadonlySet<string>,
): Addresses {
  const builder = new Builder(model, ends, hostName);
  const coldOf = coldTargets(model);
  const cold = new Set([...coldOf.values()].flat());
  for (const pool of model.pools.values()) {
    const coldHere = [pool.name, ...pool.members].flatMap((name) => coldOf.get(name) ?? []);
    const warm = pool.members.filter((name) => !skip.has(name));
    builder.pool(pool.name, [
      ...warm.map((name) => [name, cold.has(name)] as const),
      ...coldHere.map((n) => [n, true] as const),
    ]);
  }
  for (const vmta of model.vmtas.values()) {
    if (skip.has(vmta.name) || cold.has(vmta.name)) continue;
    const coldHere = coldOf.get(vmta.name) ?? [];
    builder.pool(vmta.name, [[vmta.name, false], ...coldHere.map((name) => [name, true] as const)]);
  }
  builder.tell();
  return { pools: builder.pools, poolOf: builder.poolOf, coldOf };
}

/** cold-virtual-mta lines: several are used in turn, each with the whole daily limit (user's guide, 10.7). */
function coldTargets(model: Model): Map<string, string[]> {
  const targets = new Map<string, string[]>();
  for (const { name, blocks } of [...model.vmtas.values(), ...model.pools.values()]) {
    const names = blocks
      .flatMap((block) => directivesOf(block, 'cold-virtual-mta'))
      .flatMap((line) => wordsOf(line.value).slice(0, 1))
      .filter((one) => model.vmtas.has(one) && one !== name);
    if (names.length > 0) targets.set(name, [...new Set(names)]);
  }
  return targets;
}

class Builder {
  readonly pools: PoolDraft[] = [];
  readonly poolOf = new Map<string, PoolDraft>();
  readonly #model: Model;
  readonly #ends: Ends;
  readonly #hostName: string | undefined;
  readonly #name = namer();
  readonly #owner = new Map<string, PoolDraft>();
  /** The PowerMTA name each pool was made for. */
  readonly #made = new Map<PoolDraft, string>();

  constructor(model: Model, ends: Ends, hostName: string | undefined) {
    this.#model = model;
    this.#ends = ends;
    this.#hostName = hostName;
  }

  pool(given: string, members: readonly (readonly [name: string, cold: boolean])[]): void {
    const vmtas: PoolDraft['vmtas'] = [];
    const addresses: PoolDraft['addresses'] = [];
    let elsewhere: PoolDraft | undefined;
    const draft = { name: given, vmtas, addresses };
    for (const [member, cold] of members) {
      const vmta = this.#model.vmtas.get(member);
      if (vmta === undefined || vmtas.some((one) => one.name === member)) continue;
      const sources = this.#sourcesOf(vmta);
      const free = sources.filter((source) => !this.#owner.has(source.ip));
      for (const { ip } of sources) elsewhere ??= this.#owner.get(ip);
      if (free.length === 0) continue;
      for (const source of free) {
        this.#owner.set(source.ip, draft);
        addresses.push({ ...source, standing: cold ? 'cold' : 'warm' });
      }
      vmtas.push({ name: member, addresses: sources.length, cold });
    }
    if (addresses.length === 0) {
      if (elsewhere !== undefined && !this.poolOf.has(given)) this.poolOf.set(given, elsewhere);
      return;
    }
    const named: PoolDraft = { ...draft, name: this.#name(given) };
    for (const { ip } of addresses) this.#owner.set(ip, named);
    this.pools.push(named);
    this.#made.set(named, given);
    this.poolOf.set(given, named);
    for (const { name } of vmtas) if (!this.poolOf.has(name)) this.poolOf.set(name, named);
  }

  /** Says of every block and line what became of it. */
  tell(): void {
    for (const vmta of this.#model.vmtas.values()) {
      const pool = this.poolOf.get(vmta.name);
      const own = this.#sourcesOf(vmta);
      for (const block of vmta.blocks) {
        if (pool !== undefined) this.#ends.translated(block, `pool ${pool.name}`);
        else if (own.length > 0) this.#ends.translated(block, 'its mail goes to the pool that has its addresses');
      }
      for (const line of vmta.sources) {
        const ips = this.#read(line.value)?.ips ?? [];
        const pools = [...new Set(ips.map((ip) => this.#owner.get(ip)?.name).filter((name) => name !== undefined))];
        if (pools.length > 0) this.#ends.translated(line, `pools.${pools.join(', ')}.addresses`);
        else if (ips.length === 0 && /:/.test(line.value))
          this.#ends.notSupported(line, 'IPv6 addresses are not sent from: give its mail an IPv4 address');
      }
    }
    for (const pool of this.#model.pools.values()) {
      const draft = this.poolOf.get(pool.name);
      for (const block of pool.blocks) {
        if (draft !== undefined) {
          const own = this.#made.get(draft) === pool.name;
          const says = own ? `pool ${draft.name}` : `its mail goes to pool ${draft.name}, which has its addresses`;
          this.#ends.translated(block, says);
        }
        for (const line of directivesOf(block, 'virtual-mta')) {
          const [name = ''] = wordsOf(line.value);
          const of = this.poolOf.get(name);
          if (of === undefined) continue;
          if (of === draft) this.#ends.translated(line, `addresses of pool ${of.name}`);
          else this.#ends.notSupported(line, `an address belongs to one pool: those of ${name} are in pool ${of.name}`);
        }
      }
    }
    for (const { blocks } of [...this.#model.vmtas.values(), ...this.#model.pools.values()]) {
      for (const line of blocks.flatMap((block) => directivesOf(block, 'cold-virtual-mta'))) {
        const of = this.poolOf.get(wordsOf(line.value)[0] ?? '');
        if (of !== undefined) this.#ends.translated(line, `cold addresses of pool ${of.name}`);
      }
    }
  }

  #sourcesOf(vmta: VirtualMta): { readonly ip: string; readonly ehloName: string }[] {
    const found = new Map<string, string>();
    for (const { value } of vmta.sources) {
      const read = this.#read(value);
      for (const ip of read?.ips ?? []) if (!found.has(ip)) found.set(ip, read?.host ?? placeholder(ip));
    }
    return [...found].map(([ip, ehloName]) => ({ ip, ehloName }));
  }

  /** `IP HOST`, or the other way round as people write it; a network stands for its addresses. */
  #read(value: string): { readonly ips: readonly string[]; readonly host: string | undefined } | undefined {
    const words = wordsOf(value);
    const at = words.findIndex((word) => addressesOf(word) !== undefined);
    const ips = at === -1 ? undefined : addressesOf(words[at] ?? '');
    if (ips === undefined || ips.includes('0.0.0.0')) return undefined;
    const host = words.find((word, n) => n !== at && HOST.test(word) && isIP(word) === 0) ?? this.#hostName;
    return { ips, host };
  }
}

/** Nobody said how it greets; the name says so, and can never be somebody's. */
function placeholder(ip: string): string {
  return `ip-${ip.replaceAll('.', '-')}.invalid`;
}
