/**
 * Dovecot's configuration, in the syntax of 2.3 or 2.4 (they exclude each other). One process for all log-ins and one that
 * keeps serving: the default of a fresh process per session costs more CPU than the probes themselves.
 */
export interface DovecotLayout {
  /** 2.3 or 2.4. */
  readonly version: readonly [number, number];
  readonly port: number;
  readonly runDirectory: string;
  readonly mailDirectory: string;
  readonly passwordFile: string;
  /** Who owns the mail and runs the unprivileged processes. */
  readonly user: string;
  readonly group: string;
}

export function dovecotConfig(layout: DovecotLayout): string {
  return layout.version[1] >= 4 ? config24(layout) : config23(layout);
}

function common({ port, runDirectory, user, group }: DovecotLayout): string {
  return `base_dir = ${runDirectory}
state_dir = ${runDirectory}
log_path = ${runDirectory}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
default_internal_user = ${user}
default_login_user = ${user}
default_internal_group = ${group}
service anvil {
  chroot =
}
service imap-login {
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = 0
  }
}
service imap {
  service_count = 0
}
namespace inbox {
  inbox = yes
  mailbox Junk {
    auto = subscribe
    special_use = \\Junk
  }
}
`;
}

function config23(layout: DovecotLayout): string {
  const { mailDirectory, passwordFile, user, group } = layout;
  return `${common(layout)}disable_plaintext_auth = no
mail_fsync = never
mail_location = maildir:${mailDirectory}/%u
passdb {
  driver = passwd-file
  args = ${passwordFile}
}
userdb {
  driver = static
  args = uid=${user} gid=${group} home=${mailDirectory}/%u
}
`;
}

function config24(layout: DovecotLayout): string {
  const { mailDirectory, passwordFile, user, group } = layout;
  return `dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
${common(layout)}auth_allow_cleartext = yes
mail_fsync = never
mail_driver = maildir
mail_path = ${mailDirectory}/%{user}
passdb passwd-file {
  passwd_file_path = ${passwordFile}
}
userdb static {
  fields {
    uid = ${user}
    gid = ${group}
    home = ${mailDirectory}/%{user}
  }
}
`;
}
