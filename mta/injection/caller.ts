/** Who hands in mail, and what they may: the same for a user, a trusted peer and an HTTP client. */
import type { Stream } from '../../store/users.ts';
import type { Control } from './control.ts';
import { domainAllowed } from './envelope-address.ts';
import { RefusedMessage } from './refusal.ts';

export interface Caller {
  /** Name of the user, or of the listener a peer came by. */
  readonly name: string;
  /** At least one; the first is the default. */
  readonly pools: readonly string[];
  /** Domains they may send as; none: every one. `*.example.com` are all below it. */
  readonly domains: readonly string[];
  /** Tenants and streams they may name, the first is the default; none: every one. */
  readonly tenants: readonly string[];
  readonly streams: readonly Stream[];
  /** Recipients an hour; null: no limit. */
  readonly rate: number | null;
}

/** What holds where neither the message nor its caller's rights say it. */
const NO_TENANT = 'default';
const NO_STREAM: Stream = 'marketing';

/** Where a message belongs. */
export interface Belongs {
  readonly pool: string;
  readonly tenant: string;
  readonly stream: Stream;
}

/**
 * Where a message belongs: as its control headers say, else by the caller's defaults. Throws 550 when the caller may not
 * use what they name.
 */
export function belongs(caller: Caller, control: Pick<Control, 'pool' | 'tenant' | 'stream'>): Belongs {
  return {
    pool: poolFor(caller, control.pool),
    tenant: among(caller, caller.tenants, control.tenant, NO_TENANT, 'for tenant'),
    stream: among(caller, caller.streams, control.stream, NO_STREAM, 'as stream'),
  };
}

function among<T extends string>(
  { name }: Caller,
  allowed: readonly T[],
  named: T | undefined,
  otherwise: T,
  as: string,
): T {
  const value = named ?? allowed[0] ?? otherwise;
  if (allowed.length === 0 || allowed.includes(value)) return value;
  const list = printable(allowed.join(', '), 300);
  throw new RefusedMessage(550, `5.7.1 User ${name} may not send ${as} "${printable(value)}": allowed are ${list}`);
}

/** The pool a message goes through. Throws 550 when the caller may not use the one they named. */
export function poolFor(caller: Caller, named: string | undefined): string {
  const pool = named ?? caller.pools[0] ?? '';
  if (caller.pools.includes(pool)) return pool;
  throw new RefusedMessage(550, `5.7.1 User ${caller.name} may not send through pool "${printable(pool)}"`);
}

/** Throws 550 when the caller may not send as this address; `where` names it: MAIL FROM, From. */
export function checkSender(caller: Caller, address: string, where: string): void {
  if (domainAllowed(address, caller.domains)) return;
  const domain = printable(address.slice(address.lastIndexOf('@') + 1));
  throw new RefusedMessage(
    550,
    `5.7.1 User ${caller.name} may not send as ${domain} (${where}): allowed are ${caller.domains.join(', ')}`,
  );
}

function printable(text: string, most = 100): string {
  return text.slice(0, most).replace(/[^ -~]/g, '?');
}
