/** What the command line, the console and the relay say to workflows. */
import {
  ApplicationFailure,
  Client,
  Connection,
  WithStartWorkflowOperation,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import {
  type AddressInput,
  addressId,
  type CommandResult,
  type CutoverCommand,
  type CutoverInput,
  cutoverId,
  cutoverUpdate,
  incidentSignal,
  type MigrationInput,
  migrationId,
  NAMESPACE,
  type Pause,
  pauseUpdate,
  type RangeInput,
  type Resume,
  rangeId,
  resumeUpdate,
  type SetPlan,
  type StartRamp,
  setPlanUpdate,
  startRampUpdate,
  TASK_QUEUE,
  type VerbCommand,
  verbUpdate,
  WATCH_ID,
  wakeSignal,
} from './contracts.ts';
import { registerNamespace } from './namespace.ts';
import { registerSearchAttributes } from './search-attributes.ts';

/** The command was understood and refused: its message says the way out. */
export class CommandRefused extends Error {
  readonly code = 'bad-input';
}

export interface TemporalClient {
  startRamp(address: string, command: StartRamp): Promise<CommandResult>;
  setPlan(address: string, command: SetPlan): Promise<CommandResult>;
  pause(address: string, command: Pause): Promise<CommandResult>;
  resume(address: string, command: Resume): Promise<CommandResult>;
  verb(address: string, command: VerbCommand): Promise<CommandResult>;
  incident(address: string, incident: { incident: number; cause: string }): Promise<void>;
  /** Starts the address's workflow unless it runs; its state is in PostgreSQL, so a lost one begins again there. */
  ensureAddress(address: string): Promise<void>;
  /** Starts the workflow that walks a range, unless it runs; which addresses are left is in PostgreSQL. */
  ensureRange(range: string): Promise<void>;
  ensureWatch(): Promise<void>;
  cutover(front: string, command: CutoverCommand): Promise<CommandResult>;
  /** Starts the workflow of a front's cutover, or of a migration, unless it runs, and has it look now. */
  wakeCutover(front: string): Promise<void>;
  wakeMigration(name: string): Promise<void>;
  /** Registers namespace and search attributes; harmless when they are there. */
  prepare(): Promise<void>;
  readonly client: Client;
  close(): Promise<void>;
}

export interface TemporalOptions {
  /** host:port of a local server; absent: TEMPORAL_ADDRESS and its companions (envconfig). */
  readonly address?: string;
  readonly namespace?: string;
  /** How long to wait for a connection, and for the answer to a command, ms. */
  readonly timeoutMs?: number;
}

/** Connects within `timeoutMs` (default 10 s), or rejects. */
export async function connectTemporal(options: TemporalOptions = {}): Promise<TemporalClient> {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const config = options.address === undefined ? loadClientConnectConfig() : undefined;
  const connection = await Connection.connect({
    ...(config?.connectionOptions ?? { address: options.address as string }),
    connectTimeout: timeoutMs,
  });
  const namespace = options.namespace ?? config?.namespace ?? NAMESPACE;
  const client = new Client({ connection, namespace });

  const start = (address: string) =>
    ({
      workflowId: addressId(address),
      taskQueue: TASK_QUEUE,
      args: [{ address }] as [AddressInput],
      workflowIdConflictPolicy: 'USE_EXISTING' as const,
      workflowTaskTimeout: '2s' as const,
    }) as const;

  const startCutover = (front: string) =>
    ({
      workflowId: cutoverId(front),
      taskQueue: TASK_QUEUE,
      args: [{ front }] as [CutoverInput],
      workflowIdConflictPolicy: 'USE_EXISTING' as const,
      workflowTaskTimeout: '2s' as const,
    }) as const;

  const command = async (run: () => Promise<CommandResult>): Promise<CommandResult> => {
    try {
      return await connection.withDeadline(Date.now() + timeoutMs, run);
    } catch (error) {
      const message = refusal(error);
      throw message === undefined ? error : new CommandRefused(message);
    }
  };
  const update = <Args extends [unknown]>(
    definition: Parameters<Client['workflow']['executeUpdateWithStart']>[0],
    address: string,
    args: Args,
    updateId: string,
  ) =>
    command(
      () =>
        client.workflow.executeUpdateWithStart(definition, {
          args,
          updateId,
          startWorkflowOperation: new WithStartWorkflowOperation('address', start(address)),
        } as never) as Promise<CommandResult>,
    );

  return {
    client,
    startRamp: (address, args) => update(startRampUpdate as never, address, [args], args.operationId),
    setPlan: (address, args) => update(setPlanUpdate as never, address, [args], args.operationId),
    pause: (address, args) => update(pauseUpdate as never, address, [args], args.operationId),
    resume: (address, args) => update(resumeUpdate as never, address, [args], args.operationId),
    verb: (address, args) => update(verbUpdate as never, address, [args], args.operationId),
    incident: async (address, incident) => {
      await client.workflow.signalWithStart('address', {
        ...start(address),
        signal: incidentSignal,
        signalArgs: [incident],
      });
    },
    ensureAddress: async (address) => {
      await client.workflow.start('address', start(address));
    },
    ensureRange: async (range) => {
      await client.workflow.start('range', {
        workflowId: rangeId(range),
        taskQueue: TASK_QUEUE,
        args: [{ range }] as [RangeInput],
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowTaskTimeout: '2s',
      });
    },
    ensureWatch: async () => {
      await client.workflow.start('watch', {
        workflowId: WATCH_ID,
        taskQueue: TASK_QUEUE,
        args: [],
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowTaskTimeout: '2s',
      });
    },
    cutover: (front, args) =>
      command(
        () =>
          client.workflow.executeUpdateWithStart(cutoverUpdate, {
            args: [args],
            updateId: args.operationId,
            startWorkflowOperation: new WithStartWorkflowOperation('cutover', startCutover(front)),
          } as never) as Promise<CommandResult>,
      ),
    wakeCutover: async (front) => {
      await client.workflow.signalWithStart('cutover', { ...startCutover(front), signal: wakeSignal, signalArgs: [] });
    },
    wakeMigration: async (name) => {
      await client.workflow.signalWithStart('migration', {
        ...{ workflowId: migrationId(name), taskQueue: TASK_QUEUE, args: [{ name }] as [MigrationInput] },
        ...{ workflowIdConflictPolicy: 'USE_EXISTING', workflowTaskTimeout: '2s', signal: wakeSignal, signalArgs: [] },
      });
    },
    prepare: async () => {
      await registerNamespace(connection, namespace);
      await registerSearchAttributes(connection, namespace);
    },
    close: () => connection.close(),
  };
}

/** What a validator refused is the failure's cause; what an activity refused lies one deeper. */
function refusal(error: unknown): string | undefined {
  if (!(error instanceof WorkflowUpdateFailedError)) return undefined;
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof ApplicationFailure && cause.type === 'bad-input') return cause.message;
  }
  return undefined;
}
