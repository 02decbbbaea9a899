/**
 * Is a message in prose a report of a mail system, or does a person or a newsletter write about bounces? Reports with
 * machine-readable parts need no such question. A false bounce suppresses a living recipient, so every answer of yes
 * needs two kinds of evidence: who writes, and how it opens.
 */
import { addressesIn } from './addresses.ts';
import { type Fields, field } from './headers.ts';
import { DAEMON, DELAYED, FAILURE_SUBJECT, OPENER, saysFailed, UNMISTAKABLE } from './phrases.ts';

/** Sent by a mail system: a null return path, or a name that mail systems write under. */
export function fromMailSystem(fields: Fields): boolean {
  const path = field(fields, 'return-path').trim();
  if (/^(<>|<?mailer-daemon\b)/i.test(path)) return true;
  return namedAsMailSystem(fields);
}

function namedAsMailSystem(fields: Fields): boolean {
  return DAEMON.test(field(fields, 'from')) || DAEMON.test(field(fields, 'sender'));
}

/** `lines`: what the message says, without the message it returns. */
export function isReportInProse(fields: Fields, lines: readonly string[]): boolean {
  const subject = field(fields, 'subject').trim();
  const named = namedAsMailSystem(fields);
  const system = fromMailSystem(fields);
  const listMail = ['list-id', 'list-unsubscribe', 'list-post', 'x-campaign', 'feedback-id'].some((name) =>
    fields.has(name),
  );
  const forward = /^(fwd?|wg|rv|tr|vs|转发|転送)\s{0,3}[:：]/i.test(subject);
  const answer = /^(re|aw|sv|ynt|antw|回复|答复|返信)\s{0,3}(\[\d+\])?\s{0,3}[:：]/i.test(subject);
  const spoken = lines.map((line) => line.trim()).filter((line) => line !== '');
  const unmistakable = FAILURE_SUBJECT.test(subject) && spoken.slice(0, 3).some((line) => UNMISTAKABLE.test(line));
  if (!named && (forward || ((answer || listMail) && !unmistakable))) return false;
  const head = spoken.slice(0, 60).join('\n');
  if (
    !addressesIn(head).length &&
    !spoken.slice(0, 200).some((line) => line.includes('@')) &&
    !fields.has('x-failed-recipients')
  ) {
    return system && FAILURE_SUBJECT.test(subject) && (saysFailed(head) || DELAYED.test(head));
  }
  const announced = saysFailed(head) || DELAYED.test(head);
  const opens = spoken
    .slice(0, 10)
    .some((line) => OPENER.test(line) || /^<[^<>\s@]{1,128}@[^<>\s]{1,255}>\s{0,3}:?/.test(line));
  if (named) return announced && (opens || FAILURE_SUBJECT.test(subject));
  if (system) return announced && FAILURE_SUBJECT.test(subject);
  // Neither name nor path: the subject and the very first words must both be those of mail software.
  const first = spoken
    .slice(0, 4)
    .some((line) => OPENER.test(line) && !/^(hi|hello|dear)\b(?!\. this is the)/i.test(line));
  return FAILURE_SUBJECT.test(subject) && (first || unmistakable) && announced && !writtenByPerson(spoken);
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
