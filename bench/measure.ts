/** One measurement: N messages in through smtp-source, until the sink has N more. */
import type { Engine, Target } from './engines/engine.ts';
import type { Sink } from './sink.ts';
import { inject } from './source.ts';

export interface Measured {
  /** Messages a second, from the first session of the source to the last message in the sink. */
  readonly rate: number;
  /** Messages a second from the first session to the last 250. */
  readonly accepted: number;
}

export const SESSIONS = 40;

export async function measure(
  engine: Engine,
  sink: Sink,
  target: Target,
  load: { readonly messages: number; readonly bytes: number; readonly sessions?: number },
): Promise<Measured> {
  const before = sink.messages;
  const { began, ended } = await inject({
    port: engine.port,
    messages: load.messages,
    bytes: load.bytes,
    sessions: load.sessions ?? SESSIONS,
    domain: target.domain,
  });
  const last = await sink.took(before + load.messages);
  const perSecond = (from: number, to: number) => Math.round((load.messages * 1_000) / (to - from));
  return { rate: perSecond(began, last), accepted: perSecond(began, ended) };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
