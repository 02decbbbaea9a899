/**
 * Shaping: how much at once, and how fast, a lane may talk to a provider. These are limits on connections and rates; how
 * much it may send a day is its grant's business. Figures are per lane (one address at one provider) over all processes.
 *
 * Shipped figures follow KumoMTA's community shaping and what providers publish; a provider nobody measured gets a
 * cautious default. Each effective limit says where it came from, so that `why` can name it.
 */

export interface Shape {
  /** Connections of a lane at once. */
  readonly connections: number;
  /** Messages on one connection before it is closed. */
  readonly messagesPerConnection: number;
  /** New connections of a lane in a minute. */
  readonly connectionsPerMinute: number;
  /** Messages (RCPTs) of a lane in a minute; 0: no limit but the grant's pace. */
  readonly messagesPerMinute: number;
}

export type Limit = keyof Shape;
export const LIMITS: readonly Limit[] = [
  'connections',
  'messagesPerConnection',
  'connectionsPerMinute',
  'messagesPerMinute',
];

export interface Effective {
  readonly value: number;
  /** For people: `shipped for google`, `rampart.config.ts: shaping.providers.google`. */
  readonly from: string;
}

/** What a configuration says: for every provider, for one, or for one in one pool; the more special wins. */
export interface ShapingOverrides {
  readonly default?: Partial<Shape>;
  readonly providers?: Readonly<Record<string, Partial<Shape>>>;
  readonly pools?: Readonly<Record<string, Readonly<Record<string, Partial<Shape>>>>>;
}

const DEFAULT: Shape = {
  connections: 10,
  messagesPerConnection: 100,
  connectionsPerMinute: 100,
  messagesPerMinute: 0,
};

/** knowledge of the field: KumoMTA community shaping (connections per source), providers' postmaster pages. */
export const SHIPPED: Readonly<Record<string, Partial<Shape>>> = {
  google: { connections: 10, messagesPerConnection: 50 },
  'microsoft-consumer': { connections: 5, messagesPerConnection: 50 },
  'microsoft-365': { connections: 5, messagesPerConnection: 50 },
  yahoo: { connections: 10, messagesPerConnection: 20 },
  apple: { connections: 10, messagesPerConnection: 5 },
  comcast: { connections: 25, messagesPerConnection: 1_000 },
  mimecast: { connections: 10, messagesPerConnection: 100 },
  barracuda: { connections: 10, messagesPerConnection: 15 },
  orange: { connections: 2, messagesPerConnection: 100 },
  'gmx-webde': { connections: 4, messagesPerConnection: 20 },
  'yahoo-jp': { connections: 2, messagesPerConnection: 20, messagesPerMinute: 600 },
  tencent: { connections: 4, messagesPerConnection: 8 },
  netease: { connections: 4, messagesPerConnection: 7 },
  // Not one provider but all the rest of them: each site sees a few of these connections.
  other: { connections: 20, connectionsPerMinute: 600 },
};

/** `none`: never TLS. `opportunistic`: if it works. `required`: TLS with anybody. `verify`: TLS with a checked certificate. */
export type TlsPolicy = 'none' | 'opportunistic' | 'required' | 'verify';

/** Providers that have offered TLS on every MX for years: that it is missing means that somebody is in between. */
export const SHIPPED_TLS: Readonly<Record<string, TlsPolicy>> = {
  google: 'required',
  'microsoft-consumer': 'required',
  'microsoft-365': 'required',
  yahoo: 'required',
  apple: 'required',
  'gmx-webde': 'required',
  comcast: 'required',
};

/**
 * TLS towards a provider, and where it is from. `configured` has the shipped policies in it already; a recipient's domain
 * may ask for more (MTA-STS, DANE), or be configured by itself.
 */
export function tlsOf(
  provider: string,
  configured: { readonly default: TlsPolicy; readonly providers: Readonly<Record<string, TlsPolicy>> } = {
    default: 'opportunistic',
    providers: SHIPPED_TLS,
  },
): { readonly value: TlsPolicy; readonly from: string } {
  const value = configured.providers[provider];
  if (value === undefined) {
    const shipped = configured.default === 'opportunistic';
    return {
      value: configured.default,
      from: shipped ? 'shipped for every provider' : 'rampart.config.ts: mta.remoteTls.default',
    };
  }
  const from = value === SHIPPED_TLS[provider] ? 'shipped for' : 'rampart.config.ts: mta.remoteTls.providers.';
  return { value, from: from.endsWith('.') ? `${from}${provider}` : `${from} ${provider}` };
}

/** The limits of a pool's lanes at a provider, each with its origin. */
export function shapingOf(
  provider: string,
  pool: string,
  overrides: ShapingOverrides = {},
): Readonly<Record<Limit, Effective>> {
  const layers: readonly (readonly [Partial<Shape> | undefined, string])[] = [
    [overrides.pools?.[pool]?.[provider], `rampart.config.ts: shaping.pools.${pool}.${provider}`],
    [overrides.pools?.[pool]?.default, `rampart.config.ts: shaping.pools.${pool}.default`],
    [overrides.providers?.[provider], `rampart.config.ts: shaping.providers.${provider}`],
    [overrides.default, 'rampart.config.ts: shaping.default'],
    [SHIPPED[provider], `shipped for ${provider}`],
    [DEFAULT, 'shipped for every provider'],
  ];
  const limit = (name: Limit): Effective => {
    for (const [shape, from] of layers) {
      const value = shape?.[name];
      if (value !== undefined) return { value, from };
    }
    throw new Error(`no layer names ${name}`);
  };
  return Object.fromEntries(LIMITS.map((name) => [name, limit(name)])) as Record<Limit, Effective>;
}

/** A process's part of a lane's limit: never nothing, or mail that only this process holds would wait for ever. */
export function shareOf(limit: number, processes: number): number {
  return Math.max(1, Math.floor(limit / Math.max(1, processes)));
}
