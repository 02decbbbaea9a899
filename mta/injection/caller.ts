/** Who hands in mail, and what they may: the same for a user, a trusted peer and an HTTP client. */
import { domainAllowed } from './envelope-address.ts';
import { RefusedMessage } from './refusal.ts';

export interface Caller {
  /** Name of the user, or of the listener a peer came by. */
  readonly name: string;
  /** At least one; the first is the default. */
  readonly pools: readonly string[];
  /** Domains they may send as; none: every one. `*.example.com` are all below it. */
  readonly domains: readonly string[];
  /** Recipients an hour; null: no limit. */
  readonly rate: number | null;
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

function printable(text: string): string {
  return text.slice(0, 100).replace(/[^ -~]/g, '?');
}
