/**
 * The settings of the embedded server, as command-line options so that they are those of the running code and not of
 * the day the cluster was created. fsync, full_page_writes and synchronous_commit stay on: 250 means durable.
 */
export function serverOptions(data: string, port: number): string[] {
  const settings: Record<string, string | number> = {
    port,
    listen_addresses: '127.0.0.1',
    // The default, /tmp or /run/postgresql, is shared with other clusters or not writable.
    unix_socket_directories: '',
    max_connections: 120,
    shared_buffers: '256MB',
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    // Spool and outcome rows are written once and soon deleted: checkpoints should be rare and even.
    max_wal_size: '2GB',
    min_wal_size: '256MB',
    checkpoint_timeout: '15min',
    checkpoint_completion_target: 0.9,
    // Queue tables turn over completely within minutes; the default of 20% dead rows lets them bloat.
    autovacuum_vacuum_scale_factor: 0.05,
    autovacuum_naptime: '15s',
    // Compiling a plan pays for long reports; ours are short and many.
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] %a ',
  };
  return ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}
