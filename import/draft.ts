/**
 * A configuration as an importer draws it up: the part of rampart.config.ts that another engine's files can say. The
 * schema (cli/config/schema.ts) stays the judge; the command checks the draft against it before it writes anything.
 */
import type { OwnPlan } from '../policy/plan.ts';
import type { Shape, ShapingOverrides, TlsPolicy } from '../policy/shaping.ts';

export interface DraftAddress {
  readonly ip: string;
  readonly ehloName: string;
  readonly standing: 'cold' | 'warm';
  /** Messages a day a warm address may send to a provider. */
  readonly normal?: Readonly<Record<string, number>>;
}

export interface DraftUpstream {
  readonly hosts: readonly string[];
  readonly auth?: { readonly user: string; readonly password: { readonly env: string } };
  readonly tls: TlsPolicy;
  readonly connections?: number;
  readonly messagesPerConnection?: number;
  readonly localAddress?: string;
  readonly ehloName?: string;
}

export interface DraftPool {
  readonly overflow?: 'warm-peers' | 'wait';
  readonly addresses?: readonly DraftAddress[];
  readonly upstream?: DraftUpstream;
}

export interface DraftUser {
  readonly name: string;
  readonly password: { readonly env: string };
  readonly pools: readonly string[];
}

export type DraftListener =
  | { readonly role: 'submission'; readonly host: string; readonly port: number; readonly tls?: DraftTls }
  | {
      readonly role: 'internal';
      readonly host: string;
      readonly port: number;
      readonly peers: readonly string[];
      readonly pools: readonly string[];
    };

export interface DraftTls {
  readonly cert: string;
  readonly key: string;
}

export interface Draft {
  readonly hostname?: string;
  readonly pools: Readonly<Record<string, DraftPool>>;
  readonly providers?: readonly string[];
  readonly users?: readonly DraftUser[];
  readonly mta?: {
    readonly submission?: { readonly host: string; readonly port: number; readonly tls?: DraftTls };
    readonly listeners?: readonly DraftListener[];
    readonly inbound?: { readonly host: string; readonly port: number; readonly feedbackAddresses: readonly string[] };
    readonly bounceDomain?: string;
    readonly remoteTls?: {
      readonly default?: TlsPolicy;
      readonly providers?: Readonly<Record<string, TlsPolicy>>;
      readonly domains?: Readonly<Record<string, TlsPolicy>>;
    };
    readonly maxBytes?: number;
  };
  readonly shaping?: ShapingOverrides;
  readonly plans?: Readonly<Record<string, OwnPlan>>;
}

/** A secret that was read: `env` is what the draft calls it. The value goes to a file of its own, never to a screen. */
export interface ImportedSecret {
  readonly env: string;
  readonly value: string;
}

/** A DKIM key that was named: `file` as it is written there. */
export interface ImportedKey {
  readonly domain: string;
  readonly selector: string;
  readonly file: string;
}

/** Limits of a lane by provider key or `default`. */
export type Rows = Readonly<Record<string, Partial<Shape>>>;

/** Makes names a configuration takes: `[a-z0-9._-]`, unique among those given out before. */
export function namer(): (wanted: string) => string {
  const taken = new Set<string>();
  return (wanted) => {
    const plain = wanted.replace(/[^a-z0-9._-]+/gi, '-').replace(/^[^a-z0-9]+/i, '') || 'pool';
    let name = plain;
    for (let n = 2; taken.has(name); n++) name = `${plain}-${n}`;
    taken.add(name);
    return name;
  };
}

/** Rows that are the same in every pool are written once, for all; the others by pool. */
export function gatherShaping(pools: ReadonlyMap<string, Rows>): ShapingOverrides | undefined {
  const filled = [...pools].filter(([, rows]) => Object.keys(rows).length > 0);
  if (filled.length === 0) return undefined;
  const texts = new Set([...pools.values()].map((rows) => JSON.stringify(sorted(rows))));
  if (texts.size > 1) return { pools: Object.fromEntries(filled.map(([name, rows]) => [name, sorted(rows)])) };
  const { default: all, ...providers } = sorted(filled[0]?.[1] ?? {});
  return {
    ...(all === undefined ? {} : { default: all }),
    ...(Object.keys(providers).length === 0 ? {} : { providers }),
  };
}

function sorted(rows: Rows): Record<string, Partial<Shape>> {
  return Object.fromEntries(
    Object.entries(rows)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, row]) => [key, Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))]),
  );
}
