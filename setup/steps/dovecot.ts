import { existsSync } from 'node:fs';
import { installDebian } from './debian.ts';
import type { Step } from './step.ts';

const PROGRAMS = ['/usr/sbin/dovecot', '/usr/local/sbin/dovecot'];

/**
 * Dovecot serves the lab's seed mailboxes. Only the demo and the tests need it (`required`); elsewhere its absence is
 * said and passed over.
 */
export function dovecotStep(required: boolean): Step {
  return {
    name: 'Dovecot',
    why: "the IMAP server of the lab's seed mailboxes (demo and tests only)",
    run: async (log) => {
      if (installed()) return `found ${installed()}`;
      try {
        const present = () => installed() !== undefined;
        await installDebian({ names: ['dovecot-imapd'], services: ['dovecot'], present }, log);
        return `installed ${installed()}`;
      } catch (error) {
        const reason = `Dovecot is missing; ${(error as Error).message}`;
        if (required) throw new Error(reason);
        return `${reason}; without it "make demo" and "make test" do not run`;
      }
    },
  };
}

const installed = () => PROGRAMS.find((program) => existsSync(program));
