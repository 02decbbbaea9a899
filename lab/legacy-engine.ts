/**
 * The engine a pool comes from: a real Postfix that takes mail from the application (or from whoever stands before it) and
 * delivers it to the world's providers from an address of its own, as such engines have done for years.
 */
import { type Postfix, startPostfix } from './postfix.ts';

export interface LegacyOptions {
  readonly port: number;
  /** The address it sends from, and the name it greets with. */
  readonly sender: { readonly ip: string; readonly name: string };
  /** Where each provider's domains are taken: Postfix can not be told whom to ask for MX records. */
  readonly providers: readonly {
    readonly domains: readonly string[];
    readonly mx: readonly { readonly ip: string }[];
  }[];
  /** SMTP port of all MX hosts of the world. */
  readonly smtpPort: number;
  /** Real ms of a day of the world: what waits is tried again at its pace. */
  readonly dayLength: number;
  /** Settings of main.cf beside or instead of these. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

/** Starts it; needs root (lab/postfix.ts). */
export function startLegacyEngine(options: LegacyOptions): Promise<Postfix> {
  const { port, sender, providers, smtpPort, dayLength } = options;
  const routes = providers.flatMap(({ domains, mx: [first] }) =>
    first === undefined ? [] : domains.map((domain) => `${domain} smtp:[${first.ip}]:${smtpPort}\n`),
  );
  const seconds = (days: number) => `${Math.max(1, Math.round((dayLength * days) / 1_000))}s`;
  return startPostfix({
    port,
    files: { transport: routes.join('') },
    settings: {
      myhostname: sender.name,
      smtp_bind_address: sender.ip,
      smtp_helo_name: sender.name,
      transport_maps: 'texthash:$config_directory/transport',
      // An engine of an installation, not a desktop: more at once, and no rest between messages.
      default_process_limit: 100,
      smtp_destination_recipient_limit: 1,
      smtpd_client_connection_rate_limit: 0,
      smtpd_client_connection_count_limit: 0,
      in_flow_delay: '0s',
      queue_run_delay: '1s',
      minimal_backoff_time: seconds(1 / 24),
      maximal_backoff_time: seconds(1 / 6),
      maximal_queue_lifetime: seconds(3),
      bounce_queue_lifetime: seconds(1),
      ...options.settings,
    },
  });
}
