/** Commands through a workflow: what answered, what refused, what did not answer. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import type { TemporalClient } from '../temporal/client.ts';
import type { By, CommandResult } from '../temporal/contracts.ts';
import { badInput, type CommandOption, type Invocation, text } from './command.ts';
import type { RunningInstance } from './instance.ts';

export const ACTOR_OPTION: CommandOption = {
  name: 'actor',
  type: 'string',
  value: 'NAME',
  says: 'who does it (default: the user you are logged in as)',
};

export const REASON_OPTION: CommandOption = {
  name: 'reason',
  type: 'string',
  value: 'TEXT',
  says: 'why: kept with the decision',
};

/** Who and why, from the options; without a reason of its own a command must bring a default. */
export function by(invocation: Invocation, defaultReason?: string): By {
  const reason = text(invocation, 'reason')?.trim() || defaultReason;
  if (reason === undefined) throw badInput('say why: --reason TEXT');
  return { actor: actor(invocation), reason, operationId: randomUUID() };
}

/** Who gives the command. */
export function actor(invocation: Invocation): string {
  const given = text(invocation, 'actor');
  if (given !== undefined && given.trim() === '') throw badInput('--actor is empty: give a name, or leave it out');
  return given?.trim() || invocation.env.SUDO_USER || loginName();
}

/** A container's user may have a number and no name. */
function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.()}`;
  }
}

export type Told =
  | { readonly outcome: 'answered'; readonly result: CommandResult }
  | { readonly outcome: 'refused'; readonly message: string }
  | { readonly outcome: 'silent'; readonly message: string };

/**
 * Does anything listen at host:port? gRPC goes on trying until its time is over, and a person who lifts a pause while
 * Temporal is down would wait for that.
 */
async function refuses(address: string): Promise<boolean> {
  const at = address.lastIndexOf(':');
  const socket = connect({ host: address.slice(0, at), port: Number(address.slice(at + 1)) });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(1_000) });
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
  } finally {
    socket.destroy();
  }
}

/** Sends a command to the instance's workflows; no answer within `limitMs` is `silent`, never an error. */
export async function tellWorkflow(
  instance: RunningInstance,
  limitMs: number,
  send: (temporal: TemporalClient) => Promise<CommandResult>,
): Promise<Told> {
  if (instance.temporalAddress !== undefined && (await refuses(instance.temporalAddress))) {
    return { outcome: 'silent', message: `nothing listens at ${instance.temporalAddress}` };
  }
  // Loaded here: it takes longer than everything else these commands do.
  const { connectTemporal, CommandRefused } = await import('../temporal/client.ts');
  const { temporalAddress, namespace } = instance;
  const work = async (): Promise<Told> => {
    try {
      const temporal = await connectTemporal({
        ...(temporalAddress === undefined ? {} : { address: temporalAddress }),
        ...(temporalAddress === undefined || namespace === undefined ? {} : { namespace }),
        timeoutMs: limitMs,
      });
      try {
        return { outcome: 'answered', result: await send(temporal) };
      } finally {
        await temporal.close();
      }
    } catch (error) {
      const message = String((error as Error).message || error).split('\n')[0] ?? '';
      return { outcome: error instanceof CommandRefused ? 'refused' : 'silent', message };
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Told>((resolve) => {
    timer = setTimeout(() => resolve({ outcome: 'silent', message: `no answer within ${limitMs / 1000} s` }), limitMs);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
