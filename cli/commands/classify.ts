import { classifyMessage } from '../../mta/feedback/classify/message.ts';
import { MAX_BYTES } from '../../mta/feedback/classify/mime.ts';
import { readStdin, sourcesOf } from '../classify/input.ts';
import { messageLine } from '../classify/lines.ts';
import type { Command } from '../command.ts';
import { table } from '../terminal/table.ts';

/** Says what messages are: bounces, delays, complaints, automatic answers. Needs no configuration and no database. */
export const classify: Command = {
  usage: 'FILE…|DIR|-',
  options: [],
  example: './rampart classify --json bounces/',
  positionals: [1, Number.POSITIVE_INFINITY],
  async run({ positionals, json, stdout, stderr }) {
    const sources = await sourcesOf(positionals, () => readStdin(process.stdin, MAX_BYTES), MAX_BYTES);
    const rows: string[][] = [];
    let unread = 0;
    for (const { name, read } of sources) {
      let raw: Buffer;
      try {
        raw = await read();
      } catch (error) {
        unread += 1;
        stderr.write(`rampart: ${name}: ${(error as Error).message}\n`);
        continue;
      }
      const line = messageLine(name, classifyMessage(raw));
      if (json) stdout.write(`${JSON.stringify(line)}\n`);
      else rows.push(...rowsOf(line));
    }
    if (!json && rows.length > 0) {
      stdout.write(
        `${table(['file', 'kind', 'recipient', 'severity', 'class', 'status', 'reply'], rows).join('\n')}\n`,
      );
    }
    return unread === 0 ? 0 : 1;
  },
};

const SHORT = 60;

function rowsOf({ file, kind, recipients, feedback }: ReturnType<typeof messageLine>): string[][] {
  if (feedback !== null) {
    const about = feedback.originalRecipients?.join(' ') ?? '-';
    return [[file, kind, about, '-', feedback.type, '-', feedback.userAgent ?? '-']];
  }
  if (recipients.length === 0) return [[file, kind, '-', '-', '-', '-', '-']];
  return recipients.map(({ recipient, severity, class: of, status, reply }) => [
    file,
    kind,
    recipient,
    severity,
    of,
    status ?? '-',
    short(reply ?? '-'),
  ]);
}

function short(text: string): string {
  return text.length <= SHORT ? text : `${text.slice(0, SHORT - 1)}…`;
}
