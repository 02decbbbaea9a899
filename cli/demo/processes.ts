/** The outside world as processes of its own: it reaches Rampart only over the network. */
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { WorldFacts } from '../../lab/world.ts';

const program = path.join(import.meta.dirname, '../../lab/main.ts');

export interface LabProcess {
  readonly pid: number | undefined;
  /** Resolves with what it wrote to stdout when it ended. */
  readonly ended: Promise<string>;
  stop(): Promise<string>;
}

function start(args: readonly string[], logFile: string): { child: ChildProcess; lab: LabProcess } {
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, ...args], {
    stdio: ['ignore', 'pipe', log],
    detached: true,
  });
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const ended = new Promise<string>((resolve) => child.once('exit', () => resolve(said)));
  return {
    child,
    lab: {
      pid: child.pid,
      ended,
      stop: () => {
        child.kill('SIGTERM');
        return ended;
      },
    },
  };
}

export interface WorldProcess extends LabProcess {
  readonly facts: WorldFacts;
  /** Fixes day 0 of the world's clock. */
  begin(epoch: number): Promise<void>;
  /** Makes something happen that the scenario does not foresee (docs/scenarios.md has the kinds). */
  cause(event: { readonly type: string; readonly fromDay: number; readonly [key: string]: unknown }): Promise<void>;
}

export interface WorldArgs {
  readonly scenario: string;
  readonly directory: string;
  readonly dayLength: number;
  readonly senders: readonly { readonly ip: string; readonly name: string }[];
  /** Absent: nobody is told of complaints. */
  readonly complaintsTo?: string;
  /** Where mail to a domain of the sender goes: `DOMAIN=IP:PORT`. */
  readonly mailHosts: string;
}

/** Starts the world and waits until it answers. */
export async function startWorldProcess(args: WorldArgs): Promise<WorldProcess> {
  const log = path.join(args.directory, 'world.log');
  const { child, lab } = start(
    [
      'world',
      ...['--scenario', args.scenario, '--dir', args.directory, '--day-length', String(args.dayLength)],
      ...['--senders', args.senders.map(({ ip, name }) => `${ip}=${name}`).join(',')],
      ...(args.complaintsTo === undefined ? [] : ['--complaints-to', args.complaintsTo]),
      ...['--mail-hosts', args.mailHosts],
    ],
    log,
  );
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve());
    child.once('exit', async () => {
      const why = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n').at(-1);
      reject(new Error(`the lab did not start: ${why || `see ${log}`}`));
    });
  });
  const facts: WorldFacts = JSON.parse(await readFile(path.join(args.directory, 'world.json'), 'utf8'));
  const post = async (to: string, body: unknown) => {
    const answer = await fetch(`${facts.control}${to}`, { method: 'POST', body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`the lab did not take ${to}: ${await answer.text()}`);
  };
  return {
    ...lab,
    facts,
    begin: (epoch) => post('/start', { epoch }),
    cause: (event) => post('/event', event),
  };
}

export interface InjectArgs {
  readonly scenario: string;
  readonly directory: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly pool: string;
  readonly dayLength: number;
  readonly epoch: number;
}

/** Starts the customer's application. */
export function startInjectProcess(args: InjectArgs): LabProcess {
  return start(
    [
      'inject',
      ...['--scenario', args.scenario, '--dir', args.directory, '--to', `127.0.0.1:${args.port}`],
      ...['--user', args.user, '--pass', args.password, '--pool', args.pool],
      ...['--day-length', String(args.dayLength), '--epoch', String(args.epoch)],
    ],
    path.join(args.directory, 'inject.log'),
  ).lab;
}
