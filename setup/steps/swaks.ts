import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { debianPackageStep } from './debian-package.ts';
import type { Step } from './step.ts';

const PROGRAM = '/usr/bin/swaks';

/** swaks hands in mail as other people's clients do. Only the tests need it (`required`), with TLS. */
export function swaksStep(required: boolean): Step {
  return debianPackageStep(
    {
      name: 'swaks',
      why: 'an SMTP client that is not ours (tests only)',
      packages: ['swaks', 'libnet-ssleay-perl', 'openssl'],
      found: () => (existsSync(PROGRAM) && speaksTls() ? PROGRAM : undefined),
      neededBy: '"make test" does',
    },
    required,
  );
}

/** swaks only recommends the library it needs for TLS. */
function speaksTls(): boolean {
  try {
    execFileSync('perl', ['-MNet::SSLeay', '-e', '1'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
