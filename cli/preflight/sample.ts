/** A message as the application will send it: who it says it is from, and whether it can be unsubscribed from with one click. */
import { readFile } from 'node:fs/promises';
import { splitMessage } from '../../mta/injection/headers.ts';
import { hasOneClick } from '../../mta/injection/one-click.ts';
import { authorDomain } from '../../mta/signing/author-domain.ts';
import { type Check, fail, pass, warn } from '../../policy/preflight/check.ts';
import { badInput } from '../command.ts';

export interface Sample {
  /** Of its From; null: none. */
  readonly domain: string | null;
  readonly check: Check;
}

/** Reads the sample; without a file there is a check that says so. Throws CliError `bad-input` for what is no message. */
export async function readSample(file: string | undefined): Promise<Sample> {
  if (file === undefined)
    return {
      domain: null,
      check: warn('one-click', 'sample', 'no sample message was looked at', 'give one of your mailing: --sample FILE'),
    };
  let raw: Buffer;
  try {
    raw = await readFile(file);
  } catch (error) {
    throw badInput(`--sample ${file} can not be read (${(error as NodeJS.ErrnoException).code})`);
  }
  // Files of people end their lines as their system does.
  const wire = Buffer.from(raw.toString('latin1').replace(/\r?\n/g, '\r\n'), 'latin1');
  let fields: ReturnType<typeof splitMessage>['fields'];
  try {
    ({ fields } = splitMessage(wire, true));
  } catch (error) {
    throw badInput(`--sample ${file} is no message that would be taken: ${(error as Error).message}`);
  }
  const domain = authorDomain(fields);
  if (hasOneClick(fields))
    return { domain, check: pass('one-click', file, 'List-Unsubscribe with https, and List-Unsubscribe-Post') };
  const names = ['list-unsubscribe', 'list-unsubscribe-post'].filter(
    (name) => !fields.some((field) => field.name === name),
  );
  const says =
    names.length > 0
      ? `it has no ${names.join(' and no ')}`
      : 'its List-Unsubscribe or List-Unsubscribe-Post is not as RFC 8058 says';
  return {
    domain,
    check: fail(
      'one-click',
      file,
      says,
      'add "List-Unsubscribe: <https://…>" and "List-Unsubscribe-Post: List-Unsubscribe=One-Click": cold lanes carry no marketing mail without them',
    ),
  };
}
