/**
 * Who sends feedback reports; a configuration may name more. A report that carries no token of ours counts only when one of these signed it (DKIM).
 * Whole addresses, not domains: anybody with a mailbox at hotmail.com can send mail that hotmail.com signed.
 */
export const KNOWN_REPORTERS: readonly string[] = [
  'staff@hotmail.com', // Microsoft's Junk Mail Reporting Program
  'feedback@arf.mail.yahoo.com', // Yahoo's Complaint Feedback Loop
];

/** Is this the address of a reporter, and does the domain that signed stand for it (equal to its domain or above it)? */
export function isReporter(from: string, signedBy: string, reporters: readonly string[]): boolean {
  const address = from.toLowerCase();
  const domain = address.slice(address.lastIndexOf('@') + 1);
  const signer = signedBy.toLowerCase();
  if (signer.split('.').length < 2) return false;
  return reporters.some((one) => one.toLowerCase() === address) && (domain === signer || domain.endsWith(`.${signer}`));
}
