import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { badInput, type Command, text } from '../command.ts';
import { importFor } from '../config/import-for.ts';
import { CHECKOUT } from '../config/load.ts';

/** Writes rampart.config.example.ts to a place where it can be edited. */
export const init: Command = {
  usage: '',
  options: [
    {
      name: 'out',
      type: 'string',
      value: 'FILE',
      says: 'where to write it (default: rampart.config.ts in the checkout)',
    },
    { name: 'force', type: 'boolean', says: 'replace a file that is there' },
  ],
  example: './rampart init --out /etc/rampart/rampart.config.ts',
  positionals: [0, 0],
  async run(invocation) {
    const file = path.resolve(text(invocation, 'out') ?? path.join(CHECKOUT, 'rampart.config.ts'));
    if (!/\.m?ts$/.test(file)) throw badInput(`${file} does not end in .ts: name it like rampart.config.ts`);
    const replace = invocation.options.force === true;
    if (existsSync(file) && !replace) throw badInput(`${file} is there already: edit it, or replace it with --force`);
    const example = await readFile(path.join(CHECKOUT, 'rampart.config.example.ts'), 'utf8');
    await mkdir(path.dirname(file), { recursive: true });
    // It will hold passwords. `wx` refuses a file that came between the look and the write.
    await writeFile(file, example.replace(`from 'rampart'`, `from '${importFor(file)}'`), {
      mode: 0o600,
      flag: replace ? 'w' : 'wx',
    });
    const inCheckout = file === path.join(CHECKOUT, 'rampart.config.ts');
    const option = inCheckout ? '' : ` --config ${file}`;
    return {
      json: { file },
      lines: [`wrote ${file}: edit it, then run ./rampart check${option}`],
    };
  },
};
