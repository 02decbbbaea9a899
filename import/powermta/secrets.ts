/**
 * What is never shown: passwords, keys and tokens, wherever they stand. A directive nobody knows may hold one too, so its
 * value is not shown either; only names from the catalogue are.
 */

const SECRET = /password|passphrase|secret|token|api-key|private-key|(^|-)key$|username$/;

/** Is the value of this directive a secret? `domain-key` names a selector, a domain and a file: none is one. */
export function isSecret(directive: string): boolean {
  return directive !== 'domain-key' && directive !== 'auth-username' && SECRET.test(directive);
}

/** A directive's value as it may be shown. */
export function shown(directive: string, value: string): string {
  return isSecret(directive) ? '(secret, not shown)' : value;
}

/** The environment variable a password becomes. */
export function secretName(of: string, taken: ReadonlySet<string>): string {
  const plain = `RAMPART_PASSWORD_${of.toUpperCase().replace(/[^A-Z0-9]+/g, '_')}`.replace(/_+$/, '');
  let name = plain;
  for (let n = 2; taken.has(name); n++) name = `${plain}_${n}`;
  return name;
}
