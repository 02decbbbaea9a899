/** One JSON object for a message, one for a reply: the documented shapes (docs/classify.md), nothing more and nothing less. */
import type { ClassifiedMessage } from '../../mta/feedback/classify/message.ts';
import { classifyReply, UNKNOWN_PROVIDER } from '../../policy/replies.ts';
import { actionOf, severityWord } from '../../policy/reply-actions.ts';

export function messageLine(file: string, { kind, recipients, feedback }: ClassifiedMessage) {
  return {
    file,
    kind,
    recipients: recipients.map(({ recipient, action, status, class: of, severity, reply }) => ({
      recipient,
      action,
      status,
      class: of,
      severity,
      reply,
    })),
    feedback,
  };
}

/** Reads one reply of a server. A text that begins with no code is read as a refusal (550). */
export function replyLine(reply: string, provider = UNKNOWN_PROVIDER) {
  const code = Number(/^\s*([2-5]\d\d)(?=[\s-]|$)/.exec(reply)?.[1] ?? codeFrom(reply));
  const verdict = classifyReply({ code, text: reply.trim(), provider });
  return {
    reply,
    class: verdict.class,
    scope: verdict.scope,
    severity: severityWord(verdict.severity),
    action: actionOf(verdict),
  };
}

/** "host mx[192.0.2.1] said: 450 4.2.1 …", "4.7.0 …": the first code that stands where codes stand. */
function codeFrom(reply: string): string {
  const code = /(?:said:|<<<|smtp;|:)\s{0,5}([245]\d\d)(?=[\s-])/i.exec(reply)?.[1];
  const first = /(?:^|[\s(#])([245])\.\d{1,3}\.\d{1,3}\b/.exec(reply)?.[1];
  return code ?? (first === undefined ? '550' : `${first}50`);
}

/** Lines of text to replies: lines of one multi-line reply ("550-…" up to "550 …") are joined. */
export function repliesIn(text: string): string[] {
  const replies: string[] = [];
  let open: string | undefined;
  for (const line of text.split(/\r\n|\n|\r/)) {
    const continues: string | undefined = /^([2-5]\d\d)-/.exec(line)?.[1];
    const joined: boolean = open !== undefined && line.startsWith(open);
    if (joined) replies[replies.length - 1] += `\n${line}`;
    else if (line.trim() !== '') replies.push(line);
    open = continues;
  }
  return replies;
}
