/** How Microsoft words its answers: outlook.com on one hand, the tenants of Microsoft 365 on the other. */
import type { Dialect, Reply } from './dialect-parts.ts';
import { domainOf } from './recipients.ts';

// Microsoft blames the return path and quotes a list, whoever's records the verdict comes from.
const MAIL_FROM_LISTED: Reply = {
  code: 550,
  text: '5.7.1 Service unavailable, MailFrom domain is listed in Spamhaus. To request removal from this list see https://www.spamhaus.org/query/lookup/ (S8001)',
};

const tenantBlocked = (ip: string, rcpt: string): Reply => ({
  code: 550,
  text: `5.7.513 Service unavailable, Client host [${ip}] blocked by ${domainOf(rcpt)} using Customer Block list (AS16012611)`,
});

const netblockBlocked = (ip: string): Reply => ({
  code: 550,
  text: `5.7.1 Unfortunately, messages from [${ip}] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150). You can also refer your provider to http://mail.live.com/mail/troubleshooting.aspx#errors.`,
});

export const microsoftConsumer: Dialect = {
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
  domainLimited: () => ({ code: 451, text: '4.7.500 Server busy. Please try again later. (S843)' }),
  domainBlocked: () => MAIL_FROM_LISTED,
  netblockBlocked,
  tenantBlocked,
};

export const microsoft365: Dialect = {
  limitsAt: 'rcpt',
  limited: (ip) => ({ code: 451, text: `4.7.500 Server busy. Please try again later from [${ip}]. (AS77713)` }),
  throttled: () => ({
    code: 432,
    text: '4.3.2 STOREDRV; mailbox server is throttled, concurrent connections limit exceeded',
  }),
  blocked: (ip) => ({
    code: 550,
    text: `5.7.606 Access denied, banned sending IP [${ip}]. To request removal from this list please visit https://sender.office.com/ and follow the directions. (AS16012609)`,
  }),
  unknownRecipient: () => ({
    code: 550,
    text: '5.4.1 Recipient address rejected: Access denied. For more information see https://aka.ms/EXOSmtpErrors (AS201806281)',
  }),
  tooManyConnections: microsoftConsumer.tooManyConnections,
  tooManyMessages: microsoftConsumer.tooManyMessages,
  domainLimited: microsoftConsumer.domainLimited,
  domainBlocked: () => MAIL_FROM_LISTED,
  netblockBlocked,
  tenantBlocked,
};
