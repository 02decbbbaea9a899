/**
 * How each provider tells a sender afterwards that a message it had accepted was not delivered: who signs the report, what
 * it says to people, and with which diagnostic. After the shape of real reports; all are multipart/report, for senders that
 * can read nothing else are another story.
 */
import type { ProviderSpec } from './scenario-provider.ts';

/** Why it was not delivered after all: no such mailbox, a full one, or a filter behind the door. */
export type BounceReason = 'unknown' | 'full' | 'policy';

export interface Diagnostic {
  /** RFC 3463. */
  readonly status: string;
  /** What follows `Diagnostic-Code: smtp;`. */
  readonly text: string;
}

export interface DsnWording {
  /** From header of the report. */
  from(domain: string): string;
  subject(original: string): string;
  /** Name behind `Reporting-MTA: dns;`. */
  reportingMta(mxName: string): string;
  /** Lines for people. */
  preamble(rcpt: string, diagnostic: Diagnostic): readonly string[];
  diagnostic(reason: BounceReason, rcpt: string): Diagnostic;
  /** Whether the message itself comes back, or its headers only (RFC 6522 §4). */
  readonly returns: 'message' | 'headers';
}

const google: DsnWording = {
  from: () => 'Mail Delivery Subsystem <mailer-daemon@googlemail.com>',
  subject: () => 'Delivery Status Notification (Failure)',
  reportingMta: () => 'googlemail.com',
  preamble: (rcpt, { text }) => [
    '** Message not delivered **',
    '',
    `Your message couldn't be delivered to ${rcpt}. See the technical details below.`,
    '',
    'The response was:',
    '',
    text,
  ],
  diagnostic: (reason) => {
    if (reason === 'full') {
      return {
        status: '5.2.2',
        text: "552-5.2.2 The recipient's inbox is out of storage space and inactive. Please direct the recipient to https://support.google.com/mail/?p=OverQuotaPerm - gsmtp",
      };
    }
    if (reason === 'policy') {
      return {
        status: '5.7.1',
        text: '550-5.7.1 Our system has detected that this message is likely unsolicited mail. To reduce the amount of spam sent to Gmail, this message has been blocked. - gsmtp',
      };
    }
    return {
      status: '5.1.1',
      text: "550-5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's email address for typos or unnecessary spaces. - gsmtp",
    };
  },
  returns: 'message',
};

const microsoft: DsnWording = {
  from: (domain) => `<postmaster@${domain}>`,
  subject: (original) => `Undeliverable: ${original}`,
  reportingMta: () => 'DB5EUR01FT021.mail.protection.outlook.com',
  preamble: (rcpt, { text }) => [
    'Delivery has failed to these recipients or groups:',
    '',
    rcpt,
    "Your message couldn't be delivered.",
    '',
    'Diagnostic information for administrators:',
    '',
    'Generating server: DB5EUR01FT021.mail.protection.outlook.com',
    '',
    rcpt,
    `Remote server returned '${text}'`,
  ],
  diagnostic: (reason) => {
    if (reason === 'full') {
      return {
        status: '5.2.2',
        text: '554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded',
      };
    }
    if (reason === 'policy') {
      return {
        status: '5.7.1',
        text: '550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy',
      };
    }
    return {
      status: '5.1.10',
      text: '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup',
    };
  },
  returns: 'headers',
};

const postfix: DsnWording = {
  from: (domain) => `MAILER-DAEMON@${domain} (Mail Delivery System)`,
  subject: () => 'Undelivered Mail Returned to Sender',
  reportingMta: (mxName) => mxName,
  preamble: (rcpt, { text }) => [
    "I'm sorry to have to inform you that your message could not",
    "be delivered to one or more recipients. It's attached below.",
    '',
    `<${rcpt}>: host backend.internal[10.0.0.25] said: ${text}`,
    '    (in reply to RCPT TO command)',
  ],
  diagnostic: (reason, rcpt) => {
    if (reason === 'full') return { status: '5.2.2', text: `552 5.2.2 <${rcpt}>: Mailbox full: quota exceeded` };
    if (reason === 'policy') return { status: '5.7.1', text: '554 5.7.1 Message rejected by content filter' };
    return { status: '5.1.1', text: `550 5.1.1 <${rcpt}>: Recipient address rejected: User unknown in relay table` };
  },
  returns: 'message',
};

const yahoo: DsnWording = {
  ...postfix,
  from: (domain) => `MAILER-DAEMON@${domain}`,
  subject: () => 'Failure Notice',
  preamble: (rcpt, { text }) => [
    'Sorry, we were unable to deliver your message to the following address.',
    '',
    `<${rcpt}>:`,
    text,
  ],
  diagnostic: (reason, rcpt) => {
    if (reason === 'unknown')
      return { status: '5.1.1', text: `554 delivery error: dd This user doesn't have a mailbox (${rcpt})` };
    return postfix.diagnostic(reason, rcpt);
  },
  returns: 'headers',
};

export const DSN_WORDINGS: Readonly<Record<ProviderSpec['dialect'], DsnWording>> = {
  google,
  'microsoft-consumer': microsoft,
  'microsoft-365': microsoft,
  yahoo,
  apple: postfix,
  gateway: postfix,
  other: postfix,
};
