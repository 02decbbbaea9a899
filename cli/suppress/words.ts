/** Scopes and recipients as arguments and in files: what they may be, and what is wrong with what was given. */
import { normalRecipient, recipientKey } from '../../store/recipient-key.ts';
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
  /** null: given as its SHA-256. */
  readonly recipient: string | null;
}

/** A recipient given as its address or as the SHA-256 of it; undefined: neither. */
export function namedRecipient(text: string): Named | undefined {
  const given = text.trim();
  if (/^[0-9a-f]{64}$/i.test(given)) return { key: Buffer.from(given, 'hex'), recipient: null };
  // U+FFFD stands where a file was not UTF-8: whoever it was, it is not this.
  const recipient = given.includes('\uFFFD') ? undefined : normalRecipient(given);
  return recipient === undefined ? undefined : { key: recipientKey(recipient), recipient };
}

/** The recipients of a command line; throws CliError `bad-input` at the first that is none. */
export function namedRecipients(texts: readonly string[]): Named[] {
  return texts.map((text) => {
    const named = namedRecipient(text);
    if (named === undefined) throw badInput(`"${text}" is neither a mail address nor the SHA-256 of one`);
    return named;
  });
}
