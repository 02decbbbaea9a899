/** Files for the importers, which do no I/O themselves. */
import { accessSync, constants, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Machine } from '../../import/powermta/access.ts';
import type { ConfigFiles } from '../../import/powermta/tree.ts';
import { badInput } from '../command.ts';

/** Nobody's configuration is larger; a log that was named by mistake is. */
const MOST_BYTES = 20_000_000;

/**
 * Files as PowerMTA's includes name them: relative to the file that includes them; an absolute path that is not here is
 * looked for beside the first file, where a copied /etc/pmta lies.
 */
export function diskFiles(first: string): ConfigFiles {
  const home = path.dirname(first);
  return {
    read: (file) => {
      try {
        return statSync(file).size > MOST_BYTES ? undefined : readFileSync(file, 'utf8');
      } catch {
        return undefined;
      }
    },
    find: (pattern, from) => {
      const wanted = path.resolve(path.dirname(from), pattern);
      const here = matching(wanted);
      if (here.length > 0 || !path.isAbsolute(pattern)) return here;
      const copied = path.join(home, path.relative('/etc/pmta', pattern));
      return pattern.startsWith('/etc/pmta/') ? matching(copied) : matching(path.join(home, path.basename(pattern)));
    },
  };
}

export const machine: Machine = {
  readable: (file) => {
    try {
      accessSync(file, constants.R_OK);
      return path.isAbsolute(file);
    } catch {
      return false;
    }
  },
};

/** Files a path means whose last part may hold * and ?. */
function matching(wanted: string): string[] {
  const folder = path.dirname(wanted);
  const name = path.basename(wanted);
  if (!/[*?]/.test(name)) return isFile(wanted) ? [wanted] : [];
  const pattern = new RegExp(
    `^${name
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
  try {
    return readdirSync(folder)
      .filter((one) => pattern.test(one) && !one.startsWith('.'))
      .sort()
      .map((one) => path.join(folder, one))
      .filter(isFile);
  } catch {
    return [];
  }
}

function isFile(file: string): boolean {
  try {
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** The file a command means by `given`: itself, or in a folder the first of `names` that is there. */
export function firstFile(given: string, names: readonly string[]): string {
  const named = path.resolve(given);
  if (isFile(named)) return named;
  const found = names.map((name) => path.join(named, name)).find(isFile);
  if (found !== undefined) return found;
  const folder = statSync(named, { throwIfNoEntry: false })?.isDirectory() === true;
  throw badInput(folder ? `${given} has no file ${names.join(' or ')}: name the file` : `there is no file ${given}`);
}
