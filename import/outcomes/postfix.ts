/**
 * Postfix's log as events. cleanup names the Message-ID of a queue id, smtp (error, retry) says what became of a recipient,
 * qmgr that the time of those who are left is over, or that the queue id is done with. Queue ids are unique by host and
 * instance. Lines of other programs are passed over, and so is what never left the machine.
 */
import { bracketed, type LegacyEvent, type Log, type Outcome } from './event.ts';
import { lineReader } from './line-reader.ts';
import { OpenMessages } from './open-messages.ts';
import { type SyslogLine, syslogReader } from './syslog.ts';

const ID = /^([0-9A-Fa-f]{5,}|[0-9A-Za-z]{10,}): /;
const RECIPIENT =
  /^to=<([^>]*)>,(?: orig_to=<[^>]*>,)? relay=([^,]+),(?: conn_use=\d+,)? delay=[^,]+,(?: delays=[^,]+,)? dsn=([\d.]+), status=(\w+) \((.*)\)$/;
const OUTCOMES: Readonly<Record<string, Outcome>> = { sent: 'delivered', deferred: 'deferred', bounced: 'failed' };
/** Deferred recipients of messages that are open, kept to tell whose time is over. */
const MOST_WAITING = 500_000;

/** `zone` and `now`: see syslogReader. */
export function postfixLog(zone: string, now: () => number): Log {
  const read = syslogReader(zone, now);
  const open = new OpenMessages();
  const waiting = new Map<string, Map<string, string | null>>();
  const readLine = (line: string): LegacyEvent[] => {
    const found = read(line);
    if (found === undefined || !found.program.includes('/')) return [];
    const [, id] = ID.exec(found.text) ?? [];
    if (id === undefined) return [];
    return eventsOf(found, id, found.text.slice(id.length + 2), line);
  };
  return { reader: () => lineReader(readLine), memory: open };

  function eventsOf({ host: machine, program, at }: SyslogLine, id: string, text: string, line: string): LegacyEvent[] {
    const slash = program.lastIndexOf('/');
    const engineId = `${machine} ${program.slice(0, program.indexOf('/'))} ${id}`;
    const service = program.slice(slash + 1);
    if (service === 'cleanup') {
      const [, messageId] = /^message-id=(.+)$/.exec(text) ?? [];
      if (messageId !== undefined) open.came({ engineId, messageId: bracketed(messageId.trim()), since: at });
      return [];
    }
    const event = (recipient: string, rest: Pick<LegacyEvent, 'outcome' | 'reply' | 'host'>): LegacyEvent => ({
      ...rest,
      at,
      recipient,
      messageId: open.messageId(engineId),
      address: null,
      campaign: null,
      identity: `${line}\n${recipient}`,
    });
    if (service === 'qmgr') {
      const left = waiting.get(engineId);
      if (text === 'removed') {
        open.went(engineId);
        waiting.delete(engineId);
      } else if (
        /^from=<[^>]*>, status=(expired|force-expired), returned to sender$/.test(text) &&
        left !== undefined
      ) {
        waiting.delete(engineId);
        return [...left].map(([recipient, host]) => event(recipient, { outcome: 'expired', reply: null, host }));
      }
      return [];
    }
    if (service !== 'smtp' && service !== 'error' && service !== 'retry') return [];
    const [, recipient, relay, , status, said] = RECIPIENT.exec(text) ?? [];
    const outcome = status !== undefined && Object.hasOwn(OUTCOMES, status) ? OUTCOMES[status] : undefined;
    if (recipient === undefined || outcome === undefined || relay === undefined || said === undefined) return [];
    const host = /^([^[]*[a-z][^[]*)\[/i.exec(relay)?.[1] ?? null;
    if (outcome === 'deferred') note(engineId, recipient, host);
    else waiting.get(engineId)?.delete(recipient);
    return [event(recipient, { outcome, reply: replyOf(said), host })];
  }

  function note(engineId: string, recipient: string, host: string | null): void {
    const of = waiting.get(engineId) ?? new Map<string, string | null>();
    waiting.set(engineId, of.set(recipient, host));
    if (waiting.size <= MOST_WAITING) return;
    const [oldest] = waiting.keys();
    if (oldest !== undefined) waiting.delete(oldest);
  }
}

const STAGES: readonly (readonly [RegExp, 'mail' | 'rcpt' | 'data'])[] = [
  [/^MAIL FROM/, 'mail'],
  [/^RCPT TO/, 'rcpt'],
  [/DATA/, 'data'],
];

/** What the remote said, out of what Postfix says about it; null where it said nothing. */
function replyOf(said: string): LegacyEvent['reply'] {
  const taken = /^(2\d\d)[ -](.*)$/.exec(said);
  if (taken !== null) return { code: Number(taken[1]), text: taken[2] ?? '' };
  const greeted = / refused to talk to me: ([45]\d\d)[ -](.*)$/.exec(said);
  if (greeted !== null) return { code: Number(greeted[1]), text: greeted[2] ?? '', stage: 'connect' };
  const answered = / said: ([45]\d\d)[ -](.*?)(?: \(in reply to (.+) command\))?$/.exec(said);
  if (answered === null) return null;
  const [, code, text = '', command = ''] = answered;
  const stage = STAGES.find(([pattern]) => pattern.test(command))?.[1];
  return { code: Number(code), text, ...(stage && { stage }) };
}
