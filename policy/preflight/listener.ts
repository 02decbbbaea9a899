/** Certificates of the listeners: reports of providers arrive there over TLS, and applications hand in their passwords. */
import { type Check, fail, pass, warn } from './check.ts';

export interface ListenerFound {
  /** `host:port`. */
  readonly at: string;
  /** What is wrong with the files, in words; null: certificate and key belong together. */
  readonly problem: string | null;
  /** Of the certificate in the file. */
  readonly notBefore?: number;
  readonly notAfter?: number;
  /** The listener's name, and whether the certificate is for it. */
  readonly name: string;
  readonly covers?: boolean;
  /** What the listener serves now: the same, another one, or nothing (it does not run). */
  readonly serves: 'same' | 'other' | 'nothing';
  readonly now: number;
}

const DAY = 86_400_000;
/** Let's Encrypt renews 30 days before the end: half of that is late. */
const SOON = 14 * DAY;

export function judgeListener(found: ListenerFound): Check {
  const { at, problem, name, now, serves, covers, notBefore = 0, notAfter = 0 } = found;
  if (problem !== null) return fail('tls', at, problem, 'correct tls.cert and tls.key of the listener');
  if (notBefore > now)
    return fail('tls', at, `its certificate begins on ${day(notBefore)}`, 'install one that is valid now');
  if (notAfter <= now)
    return fail('tls', at, `its certificate ended on ${day(notAfter)}`, 'install a new one, then send SIGHUP');
  if (serves === 'other')
    return warn(
      'tls',
      at,
      'it serves another certificate than the one in its file',
      'send SIGHUP to rampart: it reads the files again',
    );
  if (covers !== true) return warn('tls', at, `its certificate is not for ${name}`, `have one issued for ${name}`);
  if (notAfter - now < SOON) return warn('tls', at, `its certificate ends on ${day(notAfter)}`, 'renew it');
  return pass(
    'tls',
    at,
    `certificate for ${name} until ${day(notAfter)}${serves === 'nothing' ? '; it does not run' : ''}`,
  );
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
