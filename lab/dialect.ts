/**
 * How each provider words its answers. The texts are those seen in the field (collected in bounce corpora and vendors' rule
 * sets), with the sender's address where the real ones have it. Greylisting is worded alike everywhere: of these providers
 * only smaller ones greylist at all.
 */
export interface Reply {
  readonly code: number;
  readonly text: string;
}

export interface Dialect {
  /** Where reputation limits are answered: at RCPT, or only after the message. */
  readonly limitsAt: 'rcpt' | 'data';
  /** Too much for this sender's reputation (4xx). */
  limited(ip: string): Reply;
  /** Too much in this hour; nothing said about reputation (4xx). */
  throttled(ip: string): Reply;
  /** Refused for good (5xx). */
  blocked(ip: string): Reply;
  unknownRecipient(rcpt: string): Reply;
  tooManyConnections(ip: string): Reply;
  tooManyMessages(): Reply;
}

const google: Dialect = {
  limitsAt: 'data',
  limited: () => ({
    code: 421,
    text: '4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address. To protect our users from spam, mail sent from your IP address has been temporarily rate limited. For more information, go to https://support.google.com/mail/?p=UnsolicitedRateLimitError - gsmtp',
  }),
  throttled: () => ({ code: 421, text: '4.7.0 Try again later, closing connection. - gsmtp' }),
  blocked: (ip) => ({
    code: 550,
    text: `5.7.1 [${ip}] Gmail has detected that this message is likely suspicious due to the very low reputation of the sending IP address. To best protect our users from spam, the message has been blocked. - gsmtp`,
  }),
  unknownRecipient: () => ({
    code: 550,
    text: "5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's email address for typos or unnecessary spaces. - gsmtp",
  }),
  tooManyConnections: () => ({ code: 421, text: '4.7.0 Try again later, closing connection. (EHLO) - gsmtp' }),
  tooManyMessages: () => ({
    code: 421,
    text: '4.7.0 Too many messages on this connection, closing connection. - gsmtp',
  }),
};

const microsoft: Dialect = {
  limitsAt: 'rcpt',
  limited: (ip) => ({
    code: 451,
    text: `4.7.650 The mail server [${ip}] has been temporarily rate limited due to IP reputation. For e-mail delivery information, see https://postmaster.live.com (S775)`,
  }),
  throttled: (ip) => ({ code: 451, text: `4.7.500 Server busy. Please try again later from [${ip}]. (S77714)` }),
  blocked: (ip) => ({
    code: 550,
    text: `5.7.1 Unfortunately, messages from [${ip}] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140). You can also refer your provider to http://mail.live.com/mail/troubleshooting.aspx#errors.`,
  }),
  unknownRecipient: () => ({
    code: 550,
    text: '5.1.1 Requested action not taken: mailbox unavailable (S2017062302).',
  }),
  tooManyConnections: (ip) => ({
    code: 451,
    text: `4.7.652 The mail server [${ip}] has exceeded the maximum number of connections. (S3115)`,
  }),
  tooManyMessages: () => ({ code: 421, text: '4.3.2 Too many messages on this connection' }),
};

const yahoo: Dialect = {
  limitsAt: 'rcpt',
  limited: (ip) => ({
    code: 421,
    text: `4.7.0 [TSS04] Messages from ${ip} temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes`,
  }),
  throttled: (ip) => ({
    code: 421,
    text: `4.7.0 [TS01] Messages from ${ip} temporarily deferred - 4.16.50; see https://postmaster.yahooinc.com/error-codes`,
  }),
  blocked: (ip) => ({
    code: 553,
    text: `5.7.2 [TSS09] All messages from ${ip} will be permanently deferred; Retrying will NOT succeed. See https://postmaster.yahooinc.com/error-codes`,
  }),
  unknownRecipient: (rcpt) => ({
    code: 550,
    text: `5.1.1 delivery error: dd This user doesn't have a ${rcpt.slice(rcpt.lastIndexOf('@') + 1)} account (${rcpt}) [0]`,
  }),
  tooManyConnections: () => ({ code: 421, text: '4.7.0 [GL01] Too many connections from your address' }),
  tooManyMessages: () => ({ code: 421, text: 'Max message per connection reached, closing transmission channel' }),
};

const apple: Dialect = {
  limitsAt: 'data',
  limited: (ip) => ({
    code: 421,
    text: `4.7.1 Messages from ${ip} were deferred due to excessive volume. Try again later`,
  }),
  throttled: () => ({ code: 451, text: '4.7.1 Service unavailable - try again later' }),
  blocked: () => ({
    code: 554,
    text: '5.7.1 [HM08] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137',
  }),
  unknownRecipient: (rcpt) => ({ code: 550, text: `5.1.1 <${rcpt}>: user does not exist` }),
  tooManyConnections: () => ({ code: 421, text: '4.7.0 Too many concurrent connections from your address' }),
  tooManyMessages: () => ({ code: 421, text: '4.7.0 Too many messages on this connection' }),
};

const other: Dialect = {
  limitsAt: 'rcpt',
  limited: (ip) => ({ code: 451, text: `4.7.1 Messages from ${ip} temporarily deferred due to poor reputation` }),
  throttled: (ip) => ({ code: 450, text: `4.7.1 Too much mail from ${ip}, please slow down` }),
  blocked: (ip) => ({
    code: 550,
    text: `5.7.1 Service unavailable; client [${ip}] blocked for sending unsolicited mail`,
  }),
  unknownRecipient: (rcpt) => ({ code: 550, text: `5.1.1 <${rcpt}>: Recipient address rejected: User unknown` }),
  tooManyConnections: (ip) => ({ code: 421, text: `4.7.0 Error: too many connections from ${ip}` }),
  tooManyMessages: () => ({ code: 421, text: '4.7.0 Error: too many messages on this connection' }),
};

export const DIALECTS = { google, 'microsoft-consumer': microsoft, yahoo, apple, other } as const;

export const GREYLISTED = (rcpt: string): Reply => ({
  code: 450,
  text: `4.7.1 <${rcpt}>: Recipient address rejected: Greylisted, please try again later`,
});

export const OUT_OF_SERVICE: Reply = { code: 421, text: '4.3.2 Service not available, closing transmission channel' };

export const ACCEPTED_RECIPIENT: Reply = { code: 250, text: '2.1.5 OK' };
