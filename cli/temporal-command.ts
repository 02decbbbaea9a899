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

export const OPERATION_OPTION: CommandOption = {
  name: 'operation',
  type: 'string',
  value: 'ID',
  says: 'a name for this command: with the same one again it is not done twice (default: a new one)',
};

/** Who and why, from the options; without a reason of its own a command must bring a default. */
export function by(invocation: Invocation, defaultReason?: string): By {
  const reason = text(invocation, 'reason')?.trim() || defaultReason;
  if (reason === undefined) throw badInput('say why: --reason TEXT');
  return { actor: actor(invocation), reason, operationId: text(invocation, 'operation')?.trim() || randomUUID() };
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

/** Commands on their way at a time: enough to hide the round trips, few enough for a busy worker. */
const AT_ONCE = 8;

/** Sends a command to the instance's workflows; no answer within `limitMs` is `silent`, never an error. */
export async function tellWorkflow(
  instance: RunningInstance,
  limitMs: number,
  send: (temporal: TemporalClient) => Promise<CommandResult>,
): Promise<Told> {
  const [told] = await tellWorkflows(instance, limitMs, [null], send);
  return told as Told;
}

/** The same for several items over one connection; each has its own time and its own answer, in their order. */
export async function tellWorkflows<Item>(
  instance: RunningInstance,
  limitMs: number,
  items: readonly Item[],
  send: (temporal: TemporalClient, item: Item) => Promise<CommandResult>,
): Promise<Told[]> {
  const silent = (message: string): Told[] => items.map(() => ({ outcome: 'silent', message }));
  const { temporalAddress, namespace } = instance;
  if (temporalAddress !== undefined && (await refuses(temporalAddress)))
    return silent(`nothing listens at ${temporalAddress}`);
  // Loaded here: it takes longer than everything else these commands do.
  const { connectTemporal, CommandRefused } = await import('../temporal/client.ts');
  const tell = async (temporal: TemporalClient, item: Item): Promise<Told> => {
    try {
      return { outcome: 'answered', result: await send(temporal, item) };
    } catch (error) {
      return { outcome: error instanceof CommandRefused ? 'refused' : 'silent', message: inShort(error) };
    }
  };
  const connected = await within<TemporalClient>(
    limitMs,
    connectTemporal({
      ...(temporalAddress === undefined ? {} : { address: temporalAddress }),
      ...(temporalAddress === undefined || namespace === undefined ? {} : { namespace }),
      timeoutMs: limitMs,
    }),
  );
  if ('message' in connected) return silent(connected.message);
  const temporal = connected.value;
  const answers: Told[] = [];
  try {
    let next = 0;
    const one = async () => {
      while (next < items.length) {
        const at = next++;
        const answer = await within<Told>(limitMs, tell(temporal, items[at] as Item));
        answers[at] = 'value' in answer ? answer.value : { outcome: 'silent', message: answer.message };
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, one));
  } finally {
    // A closing connection may wait for what never came: nobody waits for it.
    void temporal.close().catch(() => {});
  }
  return answers;
}

/** What came within the time, or why nothing did. */
async function within<T>(limitMs: number, work: Promise<T>): Promise<{ value: T } | { message: string }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<{ message: string }>((resolve) => {
    timer = setTimeout(() => resolve({ message: `no answer within ${limitMs / 1000} s` }), limitMs);
  });
  try {
    return await Promise.race([work.then((value) => ({ value })), late]);
  } catch (error) {
    return { message: inShort(error) };
  } finally {
    clearTimeout(timer);
  }
}

function inShort(error: unknown): string {
  return String((error as Error).message || error).split('\n')[0] ?? '';
}
