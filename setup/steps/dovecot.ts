import { existsSync } from 'node:fs';
import { debianPackageStep } from './debian-package.ts';
import type { Step } from './step.ts';

const PROGRAMS = ['/usr/sbin/dovecot', '/usr/local/sbin/dovecot'];

/** Dovecot serves the lab's seed mailboxes. Only the demo and the tests need it (`required`). */
export function dovecotStep(required: boolean): Step {
  return debianPackageStep(
    {
      name: 'Dovecot',
      why: "the IMAP server of the lab's seed mailboxes (demo and tests only)",
      packages: ['dovecot-imapd'],
      found: () => PROGRAMS.find((program) => existsSync(program)),
      service: 'dovecot',
      neededBy: '"make demo" and "make test" do',
    },
    required,
  );
}
