/** How Yahoo words its answers. */
import { type Dialect, NETBLOCK_REFUSED, REFUSED_BY_DOMAIN } from './dialect-parts.ts';

export const yahoo: Dialect = {
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
  domainLimited: () => ({
    code: 421,
    text: '4.7.0 [TSS05] Messages temporarily deferred due to unexpected volume or user complaints - 4.16.55.2; see https://postmaster.yahooinc.com/error-codes',
  }),
  domainBlocked: () => ({
    code: 554,
    text: '5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes',
  }),
  netblockBlocked: NETBLOCK_REFUSED,
  tenantBlocked: (_ip, rcpt) => REFUSED_BY_DOMAIN(rcpt),
};
