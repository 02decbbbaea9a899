/** One measurement: N messages in through smtp-source, until the sink has N more. */
import { cpuSeconds, endedChildrenSeconds } from './engines/cpu.ts';
import type { Engine } from './engines/engine.ts';
import type { Place } from './place.ts';
import { inject } from './source.ts';

export interface Measured {
  /** Messages a second, from the first session of the source to the last message in the sink. */
  readonly rate: number;
  /** Messages a second from the first session to the last 250. */
  readonly accepted: number;
  /** CPU time a message, µs. */
  readonly cpu: CpuParts;
}

/** Who used the processor. `tools` (source and sink) is the same work for every engine: it shows how even the runs were. */
export interface CpuParts {
  readonly engine: number;
  readonly database: number;
  readonly tools: number;
}

export const SESSIONS = 100;

export async function measure(
  engine: Engine,
  { sink, target, postmaster }: Place,
  load: { readonly messages: number; readonly bytes: number; readonly sessions?: number },
): Promise<Measured> {
  // The source ends before it is looked at: its time is then that of our ended children.
  const used = () => ({
    engine: cpuSeconds(engine.pids()),
    database: engine.usesDatabase ? cpuSeconds([postmaster]) : 0,
    tools: cpuSeconds([sink.pid]) + endedChildrenSeconds(),
  });
  const before = sink.messages;
  const began = used();
  const { began: first, ended } = await inject({
    port: engine.port,
    messages: load.messages,
    bytes: load.bytes,
    sessions: load.sessions ?? SESSIONS,
    domain: target.domain,
  });
  const last = await sink.took(before + load.messages);
  const perSecond = (from: number, to: number) => Math.round((load.messages * 1_000) / (to - from));
  const after = used();
  const cpu = (part: keyof CpuParts) => Math.round(((after[part] - began[part]) * 1_000_000) / load.messages);
  return {
    rate: perSecond(first, last),
    accepted: perSecond(first, ended),
    cpu: { engine: cpu('engine'), database: cpu('database'), tools: cpu('tools') },
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
