/** One measurement: N messages in through smtp-source, until the sink has N more. */
import { cpuSeconds } from './engines/cpu.ts';
import type { Engine } from './engines/engine.ts';
import type { Place } from './place.ts';
import { inject } from './source.ts';

export interface Measured {
  /** Messages a second, from the first session of the source to the last message in the sink. */
  readonly rate: number;
  /** Messages a second from the first session to the last 250. */
  readonly accepted: number;
  /** CPU time a message, µs: the engine's processes and the database's. */
  readonly cpu: number;
}

export const SESSIONS = 100;

export async function measure(
  engine: Engine,
  { sink, target, postmaster }: Place,
  load: { readonly messages: number; readonly bytes: number; readonly sessions?: number },
): Promise<Measured> {
  const roots = () => [...engine.pids(), ...(engine.usesDatabase ? [postmaster] : [])];
  const before = sink.messages;
  const used = cpuSeconds(roots());
  const { began, ended } = await inject({
    port: engine.port,
    messages: load.messages,
    bytes: load.bytes,
    sessions: load.sessions ?? SESSIONS,
    domain: target.domain,
  });
  const last = await sink.took(before + load.messages);
  const perSecond = (from: number, to: number) => Math.round((load.messages * 1_000) / (to - from));
  const cpu = Math.round(((cpuSeconds(roots()) - used) * 1_000_000) / load.messages);
  return { rate: perSecond(began, last), accepted: perSecond(began, ended), cpu };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
