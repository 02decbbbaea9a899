/** Reads a log of another engine: plain, gzip or zstd (told by its first bytes), in chunks. */
import { stat } from 'node:fs/promises';
import { NotALog, type Tallied, Tally, type TallyOptions } from '../../import/accounting/tally.ts';
import { isCutOff, textOf } from '../../legacy/packed-text.ts';
import { badInput } from '../command.ts';

export interface LogSum extends Tallied {
  /** The file ends in the middle of a compressed block: whoever writes it is not done. */
  readonly cutOff: boolean;
}

/** Adds one file up. Throws CliError `bad-input` for what is no such log. */
export async function sumOf(file: string, options: TallyOptions): Promise<LogSum> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) throw badInput(`there is no file ${file}`);
  if (!found.isFile()) throw badInput(`${file} is no file: name the logs themselves`);
  const tally = new Tally(options);
  let cutOff = false;
  try {
    for await (const chunk of await textOf(file)) tally.take(chunk as string);
  } catch (error) {
    if (error instanceof NotALog) throw badInput(`${file}: ${error.message}`);
    if (!isCutOff(error)) throw badInput(`${file} can not be read: ${(error as Error).message}`);
    cutOff = true;
  }
  try {
    return { ...tally.end(), cutOff };
  } catch (error) {
    throw error instanceof NotALog ? badInput(`${file}: ${error.message}`) : error;
  }
}
