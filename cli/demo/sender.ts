/** The MTA of a demo's sender: its names in the lab's world, and limits that a laptop's disk does not meet. */
import { randomBytes } from 'node:crypto';
import type { WorldFacts } from '../../lab/world.ts';
import type { InstanceSpec } from '../roles/spec.ts';

/** Return paths are in this domain; its MX is the inbound listener. */
export const BOUNCES = 'bounce.sender.example';

export interface SenderPorts {
  readonly submission: number;
  readonly inbound: number;
}

type Mta = InstanceSpec['mta'];

export function demoMta(
  world: WorldFacts,
  ports: SenderPorts,
  user: Mta['submission']['users'][number],
  feedbackAddresses: readonly string[],
) {
  return {
    hostname: 'mx.sender.example',
    submission: { host: '127.0.0.1', port: ports.submission, users: [user], maxBytes: 1_000_000 },
    inbound: { host: '127.0.0.1', port: ports.inbound, feedbackAddresses },
    resolvers: [world.dns],
    smtpPort: world.smtpPort,
    backPressure: { maxQueued: 1_000_000, minFreeBytes: 0, slowMs: 10_000 },
    traceKey: randomBytes(24).toString('hex'),
    bounceDomain: BOUNCES,
    // Its customers are nobody: there is no mailbox to tell anything to.
    notifications: 'none',
  } satisfies Partial<Mta>;
}
