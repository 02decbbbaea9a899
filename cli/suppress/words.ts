/** Scopes and recipients as arguments and in files: what they may be, and what is wrong with what was given. */
import { normalRecipient, otherKeys, recipientKey } from '../../store/recipient-key.ts';
import { EVERYWHERE, type SuppressionScope } from '../../store/suppressions.ts';
import { badInput, type CommandOption } from '../command.ts';

export const SCOPE_OPTION: CommandOption = {
  name: 'scope',
  type: 'string',
  value: 'S',
  says: 'whose mail: global, pool:NAME or tenant:NAME',
};

/** `global`, `pool:NAME` or `tenant:NAME`; undefined: none of them. */
export function scopeOf(text: string): SuppressionScope | undefined {
  if (text === 'global') return EVERYWHERE;
  const [, kind, target] = /^(pool|tenant):(.+)$/.exec(text) ?? [];
  return kind === undefined || target === undefined ? undefined : { kind: kind as 'pool' | 'tenant', target };
}

/** The scope of an option; throws CliError `bad-input` for what is none. */
export function scopeOption(text: string | undefined, otherwise: SuppressionScope): SuppressionScope {
  if (text === undefined) return otherwise;
  const scope = scopeOf(text);
  if (scope === undefined) throw badInput(`"${text}" is no scope: write global, pool:NAME or tenant:NAME`);
  return scope;
}

export function scopeText({ kind, target }: SuppressionScope): string {
  return kind === 'global' ? 'global' : `${kind}:${target}`;
}

export interface Named {
  readonly key: Buffer;
  /** null: given as a hash. */
  readonly recipient: string | null;
}

/** Hexadecimal digits of the hashes a recipient may be known by. */
export const HASHES = { sha256: 64, sha1: 40, md5: 32 } as const;

/** A recipient given as its address or as the SHA-256, SHA-1 or MD5 of it; undefined: none of them. */
export function namedRecipient(text: string): Named | undefined {
  const given = text.trim();
  if (/^([0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})$/i.test(given))
    return { key: Buffer.from(given, 'hex'), recipient: null };
  // U+FFFD stands where a file was not UTF-8: whoever it was, it is not this.
  const recipient = given.includes('\uFFFD') ? undefined : normalRecipient(given);
  return recipient === undefined ? undefined : { key: recipientKey(recipient), recipient };
}

/** Every key an entry about it may have: one that was imported as another hash is found by the address, too. */
export function keysOf({ key, recipient }: Named): readonly Buffer[] {
  return recipient === null ? [key] : [key, ...otherKeys(recipient)];
}

/** The recipients of a command line; throws CliError `bad-input` at the first that is none. */
export function namedRecipients(texts: readonly string[]): Named[] {
  return texts.map((text) => {
    const named = namedRecipient(text);
    if (named === undefined) throw badInput(`"${text}" is neither a mail address nor the SHA-256, SHA-1 or MD5 of one`);
    return named;
  });
}
