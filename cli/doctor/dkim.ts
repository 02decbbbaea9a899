/**
 * The doctor's look at DKIM: whether DNS has the public half of what we sign with. A signature that nobody can check is
 * worse than none, and a record may be changed, or a key file replaced, long after the key was put to use.
 */
import { readFile } from 'node:fs/promises';
import { readPrivateKey, recordName, recordProblem } from '../../mta/signing/key-pair.ts';
import { unseal } from '../../mta/signing/seal.ts';
import type { Queryable } from '../../store/connect.ts';
import { type DkimKeyRow, dkimKeys, privateKeyOf } from '../../store/dkim.ts';
import type { ResolvedConfig } from '../config/load.ts';
import { type Check, ok, said, wrong } from './check.ts';

type DkimConfig = NonNullable<ResolvedConfig['mta']['delivery']>['dkim'];

/** TXT records of a name, the strings of each joined; none: []. Rejects when DNS does not answer. */
export type Texts = (name: string) => Promise<readonly string[]>;

/** One line a key that signs, waits for its record, or has retired so lately that its record must stay. */
export async function checkDkim(db: Queryable, config: DkimConfig, texts: Texts, now: number): Promise<Check[]> {
  const keys = await dkimKeys(db);
  const looked = keys.filter((key) => key.state !== 'retired' || (key.keepUntil?.getTime() ?? 0) > now);
  const found = await Promise.all(
    looked.map(async (key) => {
      const signed = keys.some((one) => one.domain === key.domain && one.state === 'active');
      return checkKey(key, signed, () => privateHalf(db, config, key), texts);
    }),
  );
  return [...found, ...(await strangers(keys, config))];
}

async function checkKey(
  key: DkimKeyRow,
  signed: boolean,
  privatePem: () => Promise<string>,
  texts: Texts,
): Promise<Check> {
  const { domain, selector, algorithm, state } = key;
  const record = recordName(domain, selector);
  const name = `dkim ${record}`;
  let publicKey = key.publicKey;
  if (state !== 'retired') {
    // Of what signs, not of what was noted when the key was made: a file may have been replaced since.
    try {
      publicKey = readPrivateKey(await privatePem()).publicKey;
    } catch (error) {
      return wrong(name, `its private key: ${said(error)}`, `mail of ${domain} waits until this is mended`);
    }
    if (publicKey !== key.publicKey) {
      const todo = `name the key this selector was made with in dkim.keys, or a new selector: ./rampart dkim add ${domain}`;
      return wrong(name, 'its private key was replaced by another one', todo);
    }
  }
  const problem = await texts(record).then(
    (found) => recordProblem(found, algorithm, publicKey),
    (error: unknown) => `DNS did not answer: ${said(error)}`,
  );
  const show = `./rampart dkim dns ${domain}`;
  if (state === 'active') {
    if (problem === null) return ok(name, 'signs, and DNS has the public half of its private key');
    return wrong(name, `signs, and ${problem}: receivers find its signatures broken`, `publish what ${show} prints`);
  }
  if (state === 'published') {
    if (problem === null) return ok(name, 'its record is there: it signs within a minute');
    if (signed) return ok(name, `waits for its record: ${problem}`);
    return wrong(name, `${problem}, and nothing else signs mail of ${domain}`, `publish what ${show} prints`);
  }
  const until = key.keepUntil?.toISOString().slice(0, 10);
  if (problem === null) return ok(name, `retired: leave its record until ${until}`);
  return wrong(name, `retired, and ${problem}`, `mail it signed is still checked: leave its record until ${until}`);
}

/** PEM. Throws an error that says what is wrong. */
async function privateHalf(db: Queryable, { files, sealKey }: DkimConfig, key: DkimKeyRow): Promise<string> {
  const { domain, selector } = key;
  const file = files.find((one) => one.domain === domain && one.selector === selector);
  if (file !== undefined) return readFile(file.file, 'utf8');
  const stored = await privateKeyOf(db, domain, selector);
  if (stored === null) throw new Error('is in a file that this configuration does not name under dkim.keys');
  return unseal(stored, recordName(domain, selector), sealKey);
}

/** Keys the configuration names and no MTA has met yet. */
async function strangers(keys: readonly DkimKeyRow[], { files }: DkimConfig): Promise<Check[]> {
  return files
    .filter((file) => !keys.some((key) => key.domain === file.domain && key.selector === file.selector))
    .map(({ domain, selector }) =>
      wrong(`dkim ${recordName(domain, selector)}`, 'no MTA has read its file yet', 'start ./rampart up again'),
    );
}
