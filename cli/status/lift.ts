/** The command that lifts a hold, or how it ends without one. Pure. */
import type { Hold } from '../../policy/holds.ts';

/** What a ramp has to hear of goes through its workflow: holds on a lane, and pauses of an address. */
export function isOfRamp(hold: Pick<Hold, 'scope' | 'reach'>): boolean {
  return hold.scope === 'lane' || (hold.scope === 'address' && hold.reach === 'cold');
}

/** Does it wait for a person: an operator's own stop, a provider's refusal, a gate whose plan says `pause`? */
function waitsForPerson({ cause }: Pick<Hold, 'cause'>): boolean {
  return cause === 'operator' || /^(incident|pause):/.test(cause);
}

/** How a hold is lifted, for people: a command where there is one. */
export function liftText(hold: Hold): string {
  if (isOfRamp(hold) && waitsForPerson(hold)) return resumeRamp(hold.target);
  if (hold.cause === 'operator') return `./rampart resume --hold ${hold.id} --reason '…'`;
  return 'nobody lifts it by hand: it ends with its cause';
}

/** `target`: an address, or a lane as holds name it. */
function resumeRamp(target: string): string {
  return `./rampart warmup resume ${target.replace(' ', ' --provider ')} --reason '…'`;
}

/** The way out of quarantine, whatever put the lane there: what holds the whole address is lifted by naming that alone. */
export function releaseText(
  { address, provider }: { readonly address: string; readonly provider: string },
  holds: readonly Hold[],
): string {
  const [whole] = holds.filter((hold) => hold.scope === 'address' && /^(incident|pause):/.test(hold.cause));
  const [, kind, list] = whole?.cause.split(':') ?? [];
  if (kind === 'dnsbl') return `removal at ${list}: it is asked every day, and ends this; or ${resumeRamp(address)}`;
  if (whole !== undefined) return resumeRamp(address);
  return `${resumeRamp(`${address} ${provider}`)}, once ${provider} has delisted it`;
}
