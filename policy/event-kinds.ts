/**
 * What Rampart tells the outside world, by kind. The names are a contract with whoever listens: one that is here stays,
 * and keeps its meaning; new ones may come.
 */

/** About one recipient's mail: told in the order in which it happened to that recipient. */
export const MAIL_KINDS = [
  'message.delivered',
  'message.relayed',
  'message.deferred',
  'message.bounced',
  'message.expired',
  'message.in-doubt',
  'message.complained',
  'message.late-bounced',
  'suppression.added',
] as const;

/** About the running of things: never wait behind a backlog of mail events. */
export const OPERATION_KINDS = [
  'lane.decision',
  'hold.placed',
  'hold.cleared',
  'incident.opened',
  'incident.closed',
  'notice',
] as const;

/** Sent by `rampart events test` alone, whatever a sink's filter says. */
export const TEST_KIND = 'test';

export const EVENT_KINDS = [...MAIL_KINDS, ...OPERATION_KINDS, TEST_KIND] as const;

export type EventKind = (typeof EVENT_KINDS)[number];

/** What a sink wants; absent: everything. A pattern is a kind, or the beginning of kinds with `*`: `message.*`. */
export interface EventFilter {
  readonly kinds?: readonly string[];
  readonly pools?: readonly string[];
  readonly tenants?: readonly string[];
}

export function matchesKind(pattern: string, kind: string): boolean {
  return pattern.endsWith('*') ? kind.startsWith(pattern.slice(0, -1)) : pattern === kind;
}

/**
 * Whether a sink wants an event. An event that is about no pool or tenant does not pass a filter by it: what one tenant
 * listens to must not tell of everybody's incidents.
 */
export function wanted(
  filter: EventFilter,
  event: { readonly kind: string; readonly pool: string | null; readonly tenant: string | null },
): boolean {
  const among = (names: readonly string[] | undefined, name: string | null) =>
    names === undefined || (name !== null && names.includes(name));
  return (
    (filter.kinds === undefined || filter.kinds.some((pattern) => matchesKind(pattern, event.kind))) &&
    among(filter.pools, event.pool) &&
    among(filter.tenants, event.tenant)
  );
}
