/** Replies of Outlook.com and Microsoft 365. The S and AS numbers are undocumented, but they outlive the wording. */
import type { ReplyRule } from './reply-rules.ts';

const providers = ['microsoft-consumer', 'microsoft-365'];

export const MICROSOFT_RULES: readonly ReplyRule[] = [
  {
    id: 'microsoft-network-blocked',
    providers,
    pattern: /\bA?S3150\b/,
    class: 'block',
    scope: 'netblock',
    laneFatal: true,
    example:
      "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).",
  },
  {
    id: 'microsoft-blocked',
    providers,
    pattern: /\bA?S3140\b/,
    class: 'block',
    scope: 'ip',
    laneFatal: true,
    example: "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent, as it is on our block list (S3140).",
  },
  {
    id: 'microsoft-reputation-rate',
    providers,
    pattern: /^451 4\.7\.650 |\bA?S775\b|temporarily rate limited due to IP reputation/,
    class: 'reputation',
    scope: 'ip',
    example:
      '451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation. For e-mail delivery information see https://postmaster.live.com (S775)',
  },
  {
    id: 'microsoft-connections',
    providers,
    pattern: /^451 4\.7\.65[12] |\bA?S3115\b|\bIB007\b/,
    class: 'throttle',
    scope: 'ip',
    example: '451 4.7.652 The mail server [192.0.2.1] has exceeded the maximum number of connections. (S3115)',
  },
  {
    id: 'microsoft-busy',
    providers,
    pattern: /^451 4\.7\.500 |\bA?S843\b|\bS77714\b/,
    class: 'reputation',
    scope: 'ip',
    example: '451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (AS843)',
  },
  {
    id: 'microsoft-volume',
    providers,
    pattern: /\bPR\((ct1|dt1)\)|\bRP-00[123]\b/,
    class: 'reputation',
    scope: 'ip',
    example: '421 RP-001 The mail server IP connecting to Outlook.com has exceeded the rate limit allowed.',
  },
  {
    id: 'microsoft-policy-block',
    providers,
    pattern: /\bSC-00[1-4]\b/,
    class: 'block',
    scope: 'ip',
    example: '550 SC-001 Mail rejected by Outlook.com for policy reasons.',
  },
  {
    id: 'microsoft-dynamic',
    providers,
    pattern: /\bDY-00[12]\b/,
    class: 'block',
    scope: 'ip',
    example:
      '550 DY-001 Mail rejected by Outlook.com for policy reasons. We generally do not accept email from dynamic IPs.',
  },
  {
    id: 'microsoft-listed',
    providers,
    pattern: /\bOU-00[12]\b/,
    class: 'listing',
    scope: 'ip',
    example: '550 OU-001 Mail rejected by Outlook.com for policy reasons. The IP is listed by Spamhaus.',
  },
  {
    id: 'microsoft-banned',
    providers,
    pattern: /^5\d\d 5\.7\.(511|60[6-9]|6[1-4]\d) /,
    class: 'block',
    scope: 'ip',
    laneFatal: true,
    example:
      '550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal visit https://sender.office.com/',
  },
  {
    id: 'microsoft-suspicious',
    providers,
    pattern: /^45[01] 4\.7\.(5(?!00)\d\d|6(?!5[012] )\d\d|8[5-9]\d) /,
    class: 'reputation',
    scope: 'ip',
    example: '450 4.7.850 Access denied, please try again later',
  },
  {
    // The choice of one tenant: says nothing of the lane, and the recipient lives.
    id: 'microsoft-tenant',
    providers,
    pattern: /^5\d\d 5\.7\.(507|513) /,
    class: 'policy',
    scope: 'recipient',
    example:
      '550 5.7.513 Service unavailable, Client host [192.0.2.1] blocked by example.com using Customer Block list (AS16012609)',
  },
  {
    id: 'microsoft-helo',
    providers,
    pattern: /^5\d\d 5\.7\.(506|510) /,
    class: 'identity',
    scope: 'ip',
    example: '550 5.7.506 Access Denied, Bad HELO from [192.0.2.1]',
  },
  {
    id: 'microsoft-auth',
    providers,
    pattern: /^5\d\d 5\.7\.(509|515) /,
    class: 'auth',
    scope: 'domain',
    example: '550 5.7.515 Access denied, sending domain example.com does not meet the required authentication level.',
  },
  {
    id: 'microsoft-throttling',
    providers,
    pattern: /^4\d\d 4\.3\.2 /,
    class: 'throttle',
    scope: 'ip',
    loose: true,
    example: '432 4.3.2 STOREDRV; mailbox server is throttled, concurrent connections limit exceeded',
  },
  {
    // Exchange Online Protection's own lists, not a public one.
    id: 'microsoft-internal-list',
    providers,
    pattern: /blocked using (FBLW|Blocklist)|\b5\.7\.708 /,
    class: 'block',
    scope: 'ip',
    example:
      '550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using FBLW15; To request removal from this list please forward this message to delist@microsoft.com (AS1113)',
  },
  {
    // Our own tenant relays through Microsoft and has sent too much.
    id: 'microsoft-tenant-volume',
    providers,
    pattern: /^\d{3} [45]\.7\.(705|750|233) /,
    class: 'throttle',
    scope: 'domain',
    example: '550 5.7.705 Access denied, tenant has exceeded threshold.',
  },
  {
    // A mailbox or group that takes mail from its own organisation only.
    id: 'microsoft-restricted',
    providers,
    pattern: /^5\d\d 5\.7\.(12|124|133|134|136) /,
    class: 'policy',
    scope: 'recipient',
    example:
      '550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction check failed',
  },
  {
    id: 'microsoft-no-recipient',
    providers,
    pattern: /^550 5\.4\.1 .{0,300}Recipient address rejected|^550 5\.5\.0 .{0,300}mailbox unavailable/i,
    class: 'recipient',
    scope: 'recipient',
    example: '550 5.4.1 Recipient address rejected: Access denied. (AS201806281)',
  },
];
