/** Collects what became of each option of KumoMTA's files; places are the path of tables, TOML has no better name. */
import type { End } from '../outcome.ts';

export interface KumoOutcome {
  readonly file: string;
  /** `gmail.com.connection_limit` */
  readonly at: string;
  readonly end: End;
  readonly says: string;
}

const CATALOGUE: readonly (readonly [End, string, string])[] = [
  ['not-needed', 'mx_rollup', 'mail is grouped by the provider behind its MX, always'],
  [
    'not-needed',
    'automation additional_source_selection_rates additional_message_rate_throttles additional_connection_limits',
    'lanes slow down, hold and step back by the gates and reply rules of Rampart',
  ],
  [
    'not-needed',
    'idle_timeout connect_timeout banner_timeout ehlo_timeout mail_from_timeout rcpt_to_timeout data_timeout data_dot_timeout rset_timeout starttls_timeout auth_timeout client_timeouts system_shutdown_timeout consecutive_connection_failures_before_delay remember_broken_tls opportunistic_tls_reconnect_on_failed_handshake reconnect_strategy maintainer_wakeup_strategy dispatcher_wakeup_strategy refresh_interval refresh_strategy max_ready ready_queue aggressive_connection_opening low_memory_reduction_policy no_memory_reduction_policy try_next_host_on_transport_error ignore_8bit_checks skip_hosts prohibited_hosts allow_smtp_auth_plain_without_tls readyq_pool_name',
    'Rampart has its own (docs/delivery.md)',
  ],
  ['not-needed', 'enable_mta_sts enable_dane', 'both are heeded (mta.remoteTls)'],
  ['not-needed', 'replace_base', 'files were merged as they are listed'],
  [
    'not-supported',
    'smtp_port smtp_auth_plain_username smtp_auth_plain_password',
    'one domain can not have a route of its own',
  ],
  [
    'not-supported',
    'retry_interval max_retry_interval max_age',
    'Rampart tries again by the kind of answer; X-Rampart-Expires says when mail expires',
  ],
  ['not-supported', 'egress_pool', 'no pool of that name has an address'],
  ['not-supported', 'require_authz', 'users sign in (docs/injection.md)'],
  ['not-needed', 'ttl max_message_rate overall_max_message_rate', 'rates of tenants are those of users (users[].rate)'],
];

const KNOWN = new Map(
  CATALOGUE.flatMap(([end, names, says]) => names.split(' ').map((name) => [name, { end, says }] as const)),
);

export class KumoEnds {
  readonly outcomes: KumoOutcome[] = [];

  translated(file: string, path: readonly string[], says: string): void {
    this.#add(file, path, 'translated', says);
  }

  lost(file: string, path: readonly string[], says: string): void {
    this.#add(file, path, 'not-supported', says);
  }

  catalogued(file: string, path: readonly string[], name: string): void {
    const known = KNOWN.get(name);
    this.#add(file, path, known?.end ?? 'not-supported', known?.says ?? 'no option of this name is known');
  }

  #add(file: string, path: readonly string[], end: End, says: string): void {
    this.outcomes.push({
      file,
      at: path.map((part) => (/^[\w-]+$/.test(part) ? part : `"${part}"`)).join('.'),
      end,
      says,
    });
  }
}
