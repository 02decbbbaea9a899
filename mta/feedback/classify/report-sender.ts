/**
 * Is a message in prose a report of a mail system, or does a person or a newsletter write about bounces? Reports with
 * machine-readable parts need no such question. A false bounce suppresses a living recipient, so every answer of yes
 * needs two kinds of evidence: who writes, and how it opens.
 */
import { hasCode } from './free-text.ts';
import { type Fields, field } from './headers.ts';
import { DAEMON, DAEMON_ALONE, DELAYED, FAILURE_SUBJECT, OPENER, saysFailed, UNMISTAKABLE } from './phrases.ts';

/** Sent by a mail system: a null return path, or a name that mail systems write under. */
export function fromMailSystem(fields: Fields): boolean {
  return hasNullPath(fields) || DAEMON.test(field(fields, 'from'));
}

function hasNullPath(fields: Fields): boolean {
  return /^(<>|<?mailer-daemon\b)/i.test(field(fields, 'return-path').trim());
}

/** It came from an address that can be answered. */
function hasPath(fields: Fields): boolean {
  return (
    /^<?[^<>\s@]{1,128}@/.test(field(fields, 'return-path').trim()) &&
    !DAEMON_ALONE_PATH.test(field(fields, 'return-path'))
  );
}

const DAEMON_ALONE_PATH = /^<?(mailer|mail)-?daemon@/i;
const LIST_FIELDS = ['list-id', 'list-unsubscribe', 'list-post', 'x-campaign', 'feedback-id'];

/** `lines`: what the message says, without the message it returns; `recipients`: whom that one was written to. */
export function isReportInProse(fields: Fields, lines: readonly string[], recipients: readonly string[] = []): boolean {
  const subject = field(fields, 'subject').trim();
  const failure = FAILURE_SUBJECT.test(subject);
  const spoken = lines.map((line) => line.trim()).filter((line) => line !== '');
  const head = spoken.slice(0, 60).join('\n');
  const refused = hasNullPath(fields) && DAEMON_ALONE.test(field(fields, 'from')) && refusesSomebody(spoken);
  if (!saysFailed(head) && !DELAYED.test(head) && !refused) return false;
  const opens = refused || spoken.slice(0, 10).some((line) => OPENER.test(line) || LISTED.test(line));
  const unmistakable = failure && spoken.slice(0, 3).some((line) => UNMISTAKABLE.test(line));
  const talk = FORWARD.test(subject) || ANSWER.test(subject) || LIST_FIELDS.some((name) => fields.has(name));

  // A postmaster writes to people, too; then with a name to answer to, and a greeting.
  if (hasPath(fields) && writtenByPerson(spoken)) return false;
  if (DAEMON_ALONE.test(field(fields, 'from'))) return (opens || failure) && !(talk && writtenByPerson(spoken));
  // The headers of returned list mail are sometimes copied to its report; then its words must leave no doubt.
  if (talk) return unmistakable && !FORWARD.test(subject) && !writtenByPerson(spoken);
  if (DAEMON.test(field(fields, 'from'))) return (opens || failure) && !writtenByPerson(spoken);
  // A null path under any name: its subject says it, or its first words do and name whom the returned message was for.
  if (hasNullPath(fields)) return failure || saysFailedTo(recipients, spoken.slice(0, 5).join(' '));
  // Neither name nor path: the subject and the very first words must be those of mail software, and a server quoted.
  const first = spoken
    .slice(0, 4)
    .some((line) => OPENER.test(line) && !/^(hi|hello|dear)\b(?!\. this is the)/i.test(line));
  return (unmistakable || (failure && first && hasCode(head))) && !writtenByPerson(spoken);
}

function saysFailedTo(recipients: readonly string[], opening: string): boolean {
  const words = opening.toLowerCase();
  return saysFailed(opening) && recipients.some((one) => words.includes(one.toLowerCase()));
}

const FORWARD = /^(fwd?|wg|rv|tr|vs|转发|転送)\s{0,3}[:：]/i;
const ANSWER = /^(re|aw|sv|ynt|antw|回复|答复|返信)\s{0,3}(\[\d+\])?\s{0,3}[:：]/i;
/** A line that lists a recipient: `<user@example.com>: …`. */
const LISTED = /^<[^<>\s@]{1,128}@[^<>\s]{1,255}>\s{0,3}:?/;

const REFUSAL = /(?:^|[^\d.])[45]\d\d[ -]#?[45]\.\d{1,3}\.\d{1,3}\b/;
const ADDRESS_ALONE = /^[^<>\s@:;,]{1,128}@[^<>\s@:;,]{1,255}$/;

/**
 * Is there an address, for itself or listed, with a server's code and status behind it? What a mail system reports in this
 * form is a failure, in whatever language.
 */
function refusesSomebody(spoken: readonly string[]): boolean {
  return spoken
    .slice(0, 60)
    .some(
      (line, at) =>
        (LISTED.test(line) || ADDRESS_ALONE.test(line)) && spoken.slice(at, at + 3).some((near) => REFUSAL.test(near)),
    );
}

function writtenByPerson(spoken: readonly string[]): boolean {
  const greets = spoken
    .slice(0, 3)
    .some(
      (line) =>
        /^(hi|hello|hey|dear|hallo|bonjour|hola|olá|ciao|guys|folks|all)\b[^.]{0,40}[,!:]?$/i.test(line) &&
        !/^hi\. this is/i.test(line),
    );
  const quotes = spoken.filter((line) => /^>/.test(line)).length >= 2;
  const signs = spoken
    .slice(-8)
    .some((line) =>
      /^(best|kind|many|cheers|thanks|thank you|regards|sincerely|greetings|mfg|gruß|viele grüße|cordialement|saludos)\b/i.test(
        line,
      ),
    );
  return (
    greets ||
    quotes ||
    (signs &&
      spoken.slice(0, 30).some((line) => /\b(i|we|my|our)\b/i.test(line)) &&
      !/automatically/i.test(spoken.slice(0, 20).join(' ')))
  );
}
