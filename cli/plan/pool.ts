/** The pool whose gates a plan is shown, played or held against past mail with. */
import { badInput, type CommandOption, type Invocation, text } from '../command.ts';
import { readPoolNames } from '../config/gates.ts';
import { closest } from '../terminal/closest.ts';

export const POOL_OPTION: CommandOption = {
  name: 'pool',
  type: 'string',
  value: 'NAME',
  says: 'with the gates its lanes have in this pool of your configuration',
};

/** The value of `--pool`, or undefined. Throws CliError `bad-input` for a pool nobody configured. */
export async function chosenPool(invocation: Invocation): Promise<string | undefined> {
  const pool = text(invocation, 'pool');
  if (pool === undefined) return undefined;
  const pools = (await readPoolNames({ file: text(invocation, 'config'), env: invocation.env })) ?? [];
  if (pools.includes(pool)) return pool;
  if (pools.length === 0)
    throw badInput(
      `--pool is "${pool}", and no configuration names a pool: write one (./rampart init), or name it with --config`,
    );
  const near = closest(pool, pools);
  throw badInput(
    `no pool of your configuration is called "${pool}": ${near === undefined ? `choose one of ${pools.join(', ')}` : `did you mean ${near}?`}`,
  );
}
