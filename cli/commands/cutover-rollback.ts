import { badInput, text } from '../command.ts';
import { cutoverCommand } from '../cutover/command.ts';
import { points } from '../cutover/options.ts';

/**
 * Gives the mail back to the old arm: new messages within a second, waiting ones as fast as the old arm can take them. Said
 * again with another pace it hastens, slows or stops what still waits to go back.
 */
export const cutoverRollback = cutoverCommand({
  verb: 'rollback',
  options: [
    { name: 'to', type: 'string', value: 'N%', says: 'the share the new arm keeps (default: none)' },
    {
      name: 'attempted',
      type: 'string',
      value: 'stay|move',
      says: 'waiting mail that was tried already: it stays with the arm that may drain (default), or moves',
    },
    {
      name: 'per-day',
      type: 'string',
      value: 'N',
      says: 'messages a day and provider the old arm takes back; 0: none until another order (default: twice its peak of 7 days)',
    },
    { name: 'over', type: 'string', value: 'HOURS', says: 'hours over which the rest of them is spread (default: 24)' },
  ],
  example: "./rampart cutover rollback marketing --to 20% --reason 'microsoft defers everything'",
  read(invocation) {
    const [to, attempted] = [text(invocation, 'to'), text(invocation, 'attempted')];
    if (attempted !== undefined && attempted !== 'stay' && attempted !== 'move')
      throw badInput(`--attempted is "${attempted}": stay or move`);
    const share = to === undefined ? undefined : points(to, '--to');
    if (share === 100) throw badInput('--to is 100%: a rollback goes lower');
    const [perDay, spreadHours] = [
      whole(text(invocation, 'per-day'), '--per-day', 0),
      whole(text(invocation, 'over'), '--over', 1),
    ];
    return {
      ...(share === undefined ? {} : { to: share }),
      ...(attempted === undefined ? {} : { attempted }),
      ...(perDay === undefined ? {} : { perDay }),
      ...(spreadHours === undefined ? {} : { spreadHours }),
    };
  },
});

function whole(given: string | undefined, option: string, least: number): number | undefined {
  if (given === undefined) return undefined;
  if (/^(0|[1-9]\d{0,8})$/.test(given) && Number(given) >= least) return Number(given);
  throw badInput(`${option} is "${given}": give a whole number from ${least} on`);
}
