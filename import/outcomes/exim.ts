/**
 * Exim's main log as events: `<=` names the Message-ID of Exim's own id, `=>` and `->` say that a recipient was delivered,
 * `==` that it was put off, `**` that it failed, `Completed` that the id is done with.
 * Source: the Exim specification, "Log files" (52.7 to 52.15).
 */
import { timeReader } from '../times.ts';
import { bracketed, type LegacyEvent, type Log, replyIn } from './event.ts';
import { lineReader } from './line-reader.ts';
import { OpenMessages } from './open-messages.ts';

const LINE =
  /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{4})?) (?:\[\d+\] )?(\w{6}-\w{6}-\w{2}|\w{6}-\w{11}-\w{4}) (<=|=>|->|==|\*\*|Completed)(?: (.*))?$/;
/** Where the last attempt failed only because no further one is made. */
const OVER =
  /retry timeout exceeded|retry time not reached for any host after a long failure period|failing for a long time/i;

/** `zone`: of times without an offset. */
export function eximLog(zone: string): Log {
  const readTime = timeReader(zone);
  const open = new OpenMessages();
  const readLine = (line: string): LegacyEvent[] => {
    const found = LINE.exec(line);
    if (found === null) return [];
    const [, time = '', engineId = '', flag, text = ''] = found;
    const at = readTime(time);
    if (at === undefined) return [];
    if (flag === 'Completed') {
      open.went(engineId);
      return [];
    }
    if (flag === '<=') {
      const [, id] = / id=(\S+)/.exec(text) ?? [];
      if (id !== undefined) open.came({ engineId, messageId: bracketed(id), since: at });
      return [];
    }
    const parts = partsOf(text);
    // Delivered on the machine itself: no provider saw it.
    if (parts === undefined || (flag !== '**' && flag !== '==' && parts.host === null)) return [];
    const outcome =
      flag === '==' ? 'deferred' : flag === '**' ? (OVER.test(parts.says) ? 'expired' : 'failed') : 'delivered';
    return [
      {
        outcome,
        at,
        recipient: parts.recipient,
        messageId: open.messageId(engineId),
        reply: outcome === 'delivered' ? parts.confirmed : parts.refused,
        host: parts.host,
        address: parts.address,
        campaign: null,
        identity: line,
      } satisfies LegacyEvent,
    ];
  };
  return { reader: () => lineReader(readLine), memory: open };
}

function partsOf(text: string) {
  // `final <original> R=…`: what we handed over is the original.
  const [, final, original] = /^(\S+)(?: \([^)]*\))?(?: <([^>]+)>)?/.exec(text) ?? [];
  const recipient = original ?? final;
  if (recipient === undefined || !recipient.includes('@')) return undefined;
  const [, host] = / H=([^\s[]+)/.exec(text) ?? [];
  const [, address] = / I=\[([^\]]+)\]/.exec(text) ?? [];
  const [, confirmation] = / C="(.*?)"(?: |$)/.exec(text) ?? [];
  const [, command = '', code, says] =
    /SMTP error from remote mail server after (.+?): (?:host .*?: )?([45]\d\d)[ -](.*)$/.exec(text) ?? [];
  const stage = /RCPT TO/.test(command)
    ? 'rcpt'
    : /MAIL FROM/.test(command)
      ? 'mail'
      : /initial connection/.test(command)
        ? 'connect'
        : /EHLO|HELO/.test(command)
          ? 'ehlo'
          : 'data';
  return {
    recipient,
    host: host ?? null,
    address: address ?? null,
    confirmed: confirmation === undefined ? null : replyIn(confirmation),
    refused: code === undefined ? null : ({ code: Number(code), text: says ?? '', stage } as const),
    says: text,
  };
}
