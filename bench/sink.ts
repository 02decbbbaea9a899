/**
 * Postfix's smtp-sink as the remote: a C program that takes every message and counts. It is far from being the bottle
 * neck of anything measured here, and it is not ours.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { reachable } from './reachable.ts';

export class Sink {
  readonly ip: string;
  readonly port: number;
  readonly #child: ChildProcess;
  #messages = 0;
  #lastAt = 0;

  private constructor(ip: string, port: number, child: ChildProcess) {
    this.ip = ip;
    this.port = port;
    this.#child = child;
    let rest = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      rest = (rest + chunk.toString('latin1')).slice(-200);
      const count = [...rest.matchAll(/mesg=(\d+)/g)].at(-1)?.[1];
      if (count === undefined || Number(count) === this.#messages) return;
      this.#messages = Number(count);
      this.#lastAt = performance.now();
    });
  }

  /** Starts smtp-sink on `ip`:`port`. Rejects when Postfix's tools are not installed. */
  static async start(ip: string, port: number): Promise<Sink> {
    const asRoot = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
    // All engines keep connections while another has its turn: above its own limit of 256 the last of them would wait for those.
    const child = spawn('smtp-sink', [...asRoot, '-c', '-m', '900', `${ip}:${port}`, '1000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    });
    await Promise.race([
      once(child, 'spawn'),
      once(child, 'error').then(([error]) => {
        throw new Error(`smtp-sink did not start (${(error as Error).message}): install the Debian package postfix`);
      }),
    ]);
    await reachable(ip, port);
    return new Sink(ip, port, child);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Messages taken since the start. */
  get messages(): number {
    return this.#messages;
  }

  /** Waits for the message that makes `count`; returns when it came (monotonic ms). `still` says whether to go on. */
  async took(count: number, stallMs = 30_000): Promise<number> {
    let seen = this.#messages;
    for (let since = performance.now(); this.#messages < count; ) {
      await sleep(5);
      if (this.#messages !== seen) {
        seen = this.#messages;
        since = performance.now();
      }
      if (performance.now() - since > stallMs)
        throw new Error(`the sink has ${seen} of ${count} messages, and none came for ${stallMs / 1000} s`);
    }
    return this.#lastAt;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill();
    await ended;
  }
}
