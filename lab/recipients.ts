/**
 * Who exists in this world. Every local part at a provider's domain does, but for `gone-…`: those are the dead addresses.
 * A rule, not a list, so that any sender may make up recipients.
 */
const DEAD_PREFIX = 'gone-';

export function recipientExists(rcpt: string): boolean {
  return !rcpt.toLowerCase().startsWith(DEAD_PREFIX);
}

/** The address of reader number `n`, or of one who left. */
export function recipientAddress(domain: string, n: number, dead: boolean): string {
  return `${dead ? DEAD_PREFIX : 'reader-'}${String(n).padStart(6, '0')}@${domain}`;
}

/** The address of seed mailbox `n`, from 1. */
export function seedAddress(domain: string, n: number): string {
  return `seed-${String(n).padStart(2, '0')}@${domain}`;
}

/** Whether it is a seed mailbox: the sender's own, so it never complains. */
export function isSeed(rcpt: string): boolean {
  return /^seed-\d\d@/.test(rcpt);
}

/** What follows the last @, lower case; empty for the null sender. */
export function domainOf(address: string): string {
  const at = address.lastIndexOf('@');
  return at < 0 ? '' : address.slice(at + 1).toLowerCase();
}
