// Rampart's configuration. `./rampart init` copies this file to rampart.config.ts; `./rampart check` says what it means.
// Only `pools` must be there: whatever is left out has the default that its comment names.
import { defineConfig } from 'rampart';

export default defineConfig({
  // Days begin and end in this time zone; cold lanes send on these ISO weekdays (1 is Monday) between these hours.
  calendar: { zone: 'UTC', sendDays: [1, 2, 3, 4, 5, 6, 7], sendHours: { from: 0, to: 24 } },

  pools: {
    marketing: {
      // Mail a cold lane may not take now goes to warm addresses of the pool ('warm-peers'), then to those of another pool
      // ('pool:reserve'), or waits for the cold lane ('wait'), or is not accepted ('refuse'): docs/routing.md.
      overflow: 'warm-peers',
      addresses: [
        // ehloName is the address's own PTR name, and must resolve back to the address.
        // `normal`: messages a day a warm address may send to a provider; `default` (50,000) is for the rest.
        { ip: '198.51.100.8', ehloName: 'mta-1.example.com', standing: 'warm', normal: { default: 50_000 } },
        { ip: '198.51.100.9', ehloName: 'mta-2.example.com', standing: 'cold' },
      ],
    },
    // A pool whose mail goes to another engine, as it was handed in.
    // legacy: { upstream: { hosts: ['smtp.old.example:587'], tls: 'verify', auth: { user: 'rampart', password: { env: 'OLD' } } } },
  },

  // Who may hand in mail, and for which pools (the first is the default). { env: 'NAME' } reads the environment.
  // Better: ./rampart user add, which keeps a hash of the password in the database.
  users: [{ name: 'app', password: { env: 'RAMPART_APP_PASSWORD' }, pools: ['marketing'] }],

  mta: {
    // Processes on this machine; they share the addresses and the submission port.
    processes: 2,
    // Without `tls: { cert, key }` passwords are taken from loopback only.
    submission: { host: '127.0.0.1', port: 2525 },
    // More listeners (roles submission, internal, inbound) and POST /v1/messages; docs/injection.md has all of it.
    // listeners: [{ role: 'submission', host: '0.0.0.0', port: 465, tls: { cert: 'a.pem', key: 'a.key', implicit: true } }],
    // http: { host: '127.0.0.1', port: 8025 },
    // Where bounces and feedback loops (complaint reports) arrive. Without it there is no complaint feed.
    // inbound: { host: '0.0.0.0', port: 25, feedbackAddresses: ['fbl@feedback.example.com'] },
    // Return paths that name their recipient; the domain's MX must lead to whoever reads bounces.
    // bounceDomain: 'bounce.example.com',
    // Senders get a delivery status notification for what could not be delivered; 'none': they read events.
    // notifications: 'sender',
    // DNS servers, ip:port; empty: the system's.
    resolvers: [],
    // TLS on the way out: 'none', 'opportunistic', 'required' or 'verify', by provider or recipient domain.
    // remoteTls: { domains: { 'partner.example': 'verify' } },
  },

  // DKIM keys are made with ./rampart dkim add. sealKey seals them in the database; alsoSign names, by pool, a domain of
  // your own that signs beside the author's.
  // dkim: { sealKey: { env: 'RAMPART_SEAL_KEY' }, alsoSign: { marketing: 'esp.example' } },

  // Feedback loops you are enrolled in; they need mta.inbound. Default: none, and complaints do not gate.
  // complaintFeeds: ['yahoo', 'microsoft-consumer'],

  // Where events go (docs/events.md): signed webhooks, AMQP exchanges, Kafka topics.
  // events: {
  //   sinks: [
  //     { kind: 'webhook', name: 'crm', url: 'https://crm.example.com/rampart', secrets: [{ env: 'CRM_SECRET' }] },
  //   ],
  // },

  // What another engine says became of the mail it was handed (docs/legacy-events.md): its logs, or webhooks.
  // legacy: {
  //   feeds: { pmta: { format: 'powermta', files: ['/var/log/pmta/acct-*.csv'], timeZone: 'Europe/Berlin' } },
  // },

  // Warmup plans of your own, beside the shipped ones (./rampart plan list; docs/plans.md).
  plans: {
    // careful: { target: { google: 20_000, default: 5_000 }, percent: [1, 2, 4, 8, 15, 30, 60, 100], capped: true },
  },

  // What gates do in every plan, shipped ones too; may differ by pool and provider (docs/judgement.md).
  // gates: { metrics: { complaint: { action: 'pause' } }, pools: { marketing: { consecutiveGood: 2 } } },

  // What is looked at before an address starts (docs/ranges.md): domains mail is sent from, DNS lists that are asked (then,
  // and once a day while it sends).
  // preflight: { domains: ['example.com'], dnsbls: [{ zone: 'zen.spamhaus.org', listed: 'fail' }] },

  // Mailboxes of your own at the providers, in which probes are looked for over IMAP. None: no placement gate.
  seeds: [
    // { provider: 'google', address: 'seed-1@gmail.com', host: 'imap.gmail.com', port: 993, secure: true,
    //   user: 'seed-1@gmail.com', password: { env: 'SEED_1_PASSWORD' } },
  ],

  // Days that finished mail and its answers are kept; plans and evidence look back 30 (docs/operations.md).
  // retention: { days: 45 },

  // Where everything is kept; relative to this file. With DATABASE_URL set, the data is in that PostgreSQL.
  dataDir: '.rampart',

  // How a pool's mail moves to another engine, or from one: docs/cutover.md.
  // cutovers: { defaults: { approve: [10, 50, 100], freezes: [{ from: 'Fri 16:00', to: 'Mon 08:00' }] } },
  // migrations: { 'off-pmta': { pools: [{ pool: 'marketing', from: 'legacy' }] } },
});
