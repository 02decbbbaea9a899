/** Role processes as children: started with their orders, started again when they die, stopped by id. */
import { type ChildProcess, fork } from 'node:child_process';
import { openSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RoleOrders } from './spec.ts';

export type Role = 'mta' | 'worker' | 'events' | 'legacy';

const program = path.join(import.meta.dirname, 'run.ts');
const RESTART_MS = 500;
const STOP_MS = 15_000;

/** What a role says once it serves. */
export interface Ready {
  readonly submissionPort?: number;
  readonly inboundPort?: number | null;
  /** Of the further listeners, in their order. */
  readonly listenerPorts?: readonly number[];
  readonly httpPort?: number | null;
  /** Of the webhooks of other engines. */
  readonly legacyPort?: number | null;
}

/**
 * Node's own code on large pages, where the kernel has them (else silently not): a message walks through so much of it that
 * looking up small pages shows (docs/performance.md).
 */
const LARGE_PAGES = '--use-largepages=silent';

export class RoleProcess {
  readonly name: string;
  readonly #role: Role;
  readonly #orders: RoleOrders;
  readonly #logFile: string;
  readonly #report: (line: string) => void;
  #child: ChildProcess | undefined;
  #stopping = false;

  constructor(role: Role, orders: RoleOrders, logFile: string, report: (line: string) => void) {
    this.name = orders.name;
    this.#role = role;
    this.#orders = orders;
    this.#logFile = logFile;
    this.#report = report;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when the role serves; rejects if it ends before. A role that dies later is started again. */
  async start(): Promise<Ready> {
    const log = openSync(this.#logFile, 'a');
    const child = fork(program, [this.#role], {
      stdio: ['ignore', log, log, 'ipc'],
      execArgv: ['--disable-warning=ExperimentalWarning', LARGE_PAGES],
      // The terminal's Ctrl-C goes to the parent alone, which stops its children in order.
      detached: true,
    });
    this.#child = child;
    const ready = await new Promise<Ready>((resolve, reject) => {
      child.once('message', (message) => resolve(message as Ready));
      child.once('error', reject);
      child.once('exit', (code) =>
        reject(new Error(`${this.name} ended with code ${code} while it started: see ${this.#logFile}`)),
      );
      child.send(this.#orders);
    });
    child.once('exit', (code, signal) => void this.#restart(code ?? signal));
    return ready;
  }

  /** Tells the role to read its certificates again. */
  reload(): void {
    this.#child?.kill('SIGHUP');
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    await Promise.race([ended, sleep(STOP_MS, undefined, { ref: false }).then(() => child.kill('SIGKILL'))]);
    await ended;
  }

  async #restart(why: unknown): Promise<void> {
    while (!this.#stopping) {
      this.#report(`${this.name} ended (${why}): starting it again`);
      await sleep(RESTART_MS);
      if (this.#stopping) return;
      try {
        await this.start();
        return;
      } catch (error) {
        this.#report((error as Error).message);
      }
    }
  }
}
