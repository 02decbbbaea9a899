/** Who a request is for: its recipients, or those of its To and Cc; each fit for an envelope, or rejected with a reason. */
import addressparser from 'nodemailer/lib/addressparser';
import { type EnvelopeAddress, envelopeAddress } from '../envelope-address.ts';
import { BadRequest, type MessageRequest } from './request.ts';
import type { Values } from './substitute.ts';

export interface RequestRecipient extends EnvelopeAddress {
  /** As the request has it, with its display name. */
  readonly given: string;
  /** Where it stands in the request. */
  readonly path: string;
  readonly values: Values | undefined;
}

export interface Rejected {
  readonly recipient: string;
  readonly reason: string;
}

/** Of an address (RFC 5321 §4.5.3.1.3: 254 octets) with its display name. */
const LONGEST = 1_000;

/**
 * `most`: recipients one request may have.
 *
 * @throws BadRequest when To and Cc name more; of `recipients` the schema's check has said so already.
 */
export function recipientsOf(
  request: MessageRequest,
  most: number,
): { recipients: RequestRecipient[]; rejected: Rejected[] } {
  const given =
    request.recipients?.map(({ to, substitutions }, n) => ({
      to,
      path: `recipients[${n}]`,
      values: substitutions,
    })) ?? headerRecipients(request);
  if (given.length > most)
    throw new BadRequest([{ path: 'to', expected: `at most ${most} addresses with those of cc` }]);
  const recipients = new Map<string, RequestRecipient>();
  const rejected: Rejected[] = [];
  for (const { to, path, values } of given) {
    try {
      const address = envelopeAddress(onlyAddress(to), true);
      const key = address.address.toLowerCase();
      if (recipients.has(key)) rejected.push({ recipient: to, reason: 'it is there twice' });
      else recipients.set(key, { ...address, given: to, path, values });
    } catch (error) {
      rejected.push({ recipient: shown(to), reason: (error as Error).message.replace(/^[\d.]+ /, '') });
    }
  }
  return { recipients: [...recipients.values()], rejected };
}

function headerRecipients(request: MessageRequest) {
  const fields = [
    ['to', request.to ?? []],
    ['cc', request.cc ?? []],
  ] as const;
  return fields.flatMap(([field, lines]) =>
    lines.flatMap((line, n) =>
      addressparser(line, { flatten: true }).map(({ address }) => ({
        to: address,
        path: `${field}[${n}]`,
        values: undefined,
      })),
    ),
  );
}

/** What can not be an address, as JSON of the store takes it: it has no NUL, and no half of a character. */
function shown(to: string): string {
  return to.slice(0, 320).toWellFormed().replaceAll('\0', '\ufffd');
}

function onlyAddress(to: string): string {
  // Nobody has a line end in an address: somebody fills a form in, and what follows it would be the one that is read.
  if (to.length > LONGEST || /\p{Cc}/u.test(to)) throw new Error('it must be one mail address on one line');
  const found = addressparser(to, { flatten: true });
  const [first] = found;
  if (found.length !== 1 || first === undefined) throw new Error('it must be one mail address');
  return first.address;
}
