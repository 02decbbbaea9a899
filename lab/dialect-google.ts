/** How Google words its answers, to Gmail and Workspace mail alike. */
import type { Dialect } from './dialect-parts.ts';

export const google: Dialect = {
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
  domainLimited: (domain) => ({
    code: 421,
    text: `4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your DKIM domain [${domain} 36]. To protect our users from spam, mail sent from your domain has been temporarily rate limited. For more information, go to https://support.google.com/mail/?p=UnsolicitedRateLimitError - gsmtp`,
  }),
  domainBlocked: (_domain, ip) => ({
    code: 550,
    text: `5.7.1 [${ip}] Gmail has detected that this message is likely suspicious due to the very low reputation of the sending domain. To best protect our users from spam, the message has been blocked. - gsmtp`,
  }),
  netblockBlocked: () => ({
    code: 550,
    text: '5.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP Netblock. To protect our users from spam, mail sent from your IP Netblock has been blocked. For more information, go to https://support.google.com/mail/?p=UnsolicitedIPError - gsmtp',
  }),
  tenantBlocked: () => ({
    code: 550,
    text: '5.7.1 The user or domain that you are sending to (or from) has a policy that prohibited the mail that you sent. Please contact your domain administrator for further details. For more information, go to https://support.google.com/a/answer/172179 - gsmtp',
  }),
};
