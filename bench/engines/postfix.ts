/**
 * Postfix as a relay, with its queue on the same disk. Tuned as one tunes a relay that does nothing else (more processes
 * and connections than the defaults, no flow delay, no chroot, no anvil limits); what it syncs to disk is left as it is.
 */
import { startPostfix as startInstance } from '../../lab/postfix.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { CONNECTIONS, type Engine, type Target } from './engine.ts';

/** `more`: settings of main.cf beside those of a relay. */
export async function startPostfix(target: Target, more: Readonly<Record<string, string>> = {}): Promise<Engine> {
  const port = await freePort();
  const postfix = await startInstance({
    port,
    settings: {
      myhostname: 'relay.example',
      relayhost: `[${target.ip}]:${target.port}`,
      // A relay that does nothing else may have more of everything than the defaults of a desktop.
      default_process_limit: 300,
      default_destination_concurrency_limit: CONNECTIONS,
      initial_destination_concurrency: CONNECTIONS,
      smtp_destination_recipient_limit: 1,
      smtpd_client_connection_count_limit: 0,
      smtpd_client_connection_rate_limit: 0,
      in_flow_delay: '0s',
      max_use: 10_000,
      ...more,
    },
  });
  return {
    name: 'postfix',
    port,
    peakMegabytes: () => null,
    pids: () => [postfix.pid],
    usesDatabase: false,
    stop: () => postfix.stop(),
  };
}
