import { existsSync } from 'node:fs';
import { debianPackageStep } from './debian-package.ts';
import type { Step } from './step.ts';

const PROGRAM = '/usr/sbin/postfix';

/**
 * Postfix is the mail server of other people that the tests deliver to and hand mail through; the benchmark compares
 * with it and loads with its smtp-source. Each starts an instance of its own, with its own folder: the machine gets no
 * main.cf ("No configuration"), so its own Postfix could not even start.
 */
export function postfixStep(required: boolean): Step {
  return debianPackageStep(
    {
      name: 'Postfix',
      why: 'a mail server that is not ours (tests and benchmark only)',
      packages: ['postfix'],
      answers: ['postfix postfix/main_mailer_type select No configuration'],
      found: () => (existsSync(PROGRAM) ? PROGRAM : undefined),
      service: 'postfix',
      neededBy: '"make test" and "make bench" do',
    },
    required,
  );
}
