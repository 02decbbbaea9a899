import { PROVIDERS } from '../../policy/providers.ts';
import { readStdin } from '../classify/input.ts';
import { repliesIn, replyLine } from '../classify/lines.ts';
import { badInput, type Command, text } from '../command.ts';
import { table } from '../terminal/table.ts';

/** Replies are short: what comes after this many bytes is not read. */
const MAX_BYTES = 50_000_000;

/** Says what replies of mail servers mean. Needs no configuration and no database. */
export const classifyReplies: Command = {
  usage: 'TEXT|-',
  options: [
    {
      name: 'provider',
      type: 'string',
      value: 'P',
      says: 'whose reply it is, e.g. google or microsoft-consumer (default: any)',
    },
  ],
  example: './rampart classify reply --provider google "550 5.1.1 The email account does not exist"',
  positionals: [1, 1],
  async run(invocation) {
    const { positionals, json, stdout } = invocation;
    const provider = text(invocation, 'provider');
    const keys = ['other', ...PROVIDERS.map(({ key }) => key)];
    if (provider !== undefined && !keys.includes(provider)) {
      throw badInput(`no provider is called "${provider}": use one of ${keys.join(', ')}`);
    }
    const given = positionals[0] ?? '';
    const replies = given === '-' ? repliesIn((await readStdin(process.stdin, MAX_BYTES)).toString()) : [given];
    const lines = replies.map((reply) => replyLine(reply, provider));
    if (json) for (const line of lines) stdout.write(`${JSON.stringify(line)}\n`);
    else if (lines.length > 0) {
      const rows = lines.map(({ class: of, scope, severity, action, reply }) => [
        of,
        scope,
        severity,
        action,
        reply.replace(/\s+/g, ' '),
      ]);
      stdout.write(`${table(['class', 'scope', 'severity', 'action', 'reply'], rows).join('\n')}\n`);
    }
    return 0;
  },
};
