/** How much mail a trouble met before somebody did something about it, by the lab's own records. Pure. */
import type { EventLine, InjectedLine, ReceivedLine } from './records.ts';
import type { Trouble } from './truth.ts';

export interface Exposure {
  /** Recipients tried on the lane. */
  readonly sent: number;
  /** Of them: put off (greylisting apart), refused, shown in junk or nowhere, or complained of. */
  readonly harmed: number;
}

export interface ExposureInput {
  readonly address: string;
  readonly received: readonly ReceivedLine[];
  readonly injected: readonly InjectedLine[];
  readonly events: readonly EventLine[];
}

/** What the address sent in the trouble's lane between its beginning and `until` (excluded), ms since 1970. */
export function exposure(input: ExposureInput, trouble: Trouble, until: number): Exposure {
  const { provider, from, campaign, domain } = trouble;
  const concerned = concernedBy(input, campaign, domain);
  const attempts = new Map<string, boolean>();
  const inside = (line: ReceivedLine) =>
    line.sourceIp === input.address && line.provider === provider && line.t >= from && line.t < until;
  const accepted = new Map<string, string>();
  for (const line of input.received) {
    if (!inside(line)) continue;
    if (line.kind === 'rcpt') {
      if (!concerned(line.rcpt)) continue;
      attempts.set(`${line.tx} ${line.rcpt}`, line.code >= 400 && !line.text.includes('Greylisted'));
    } else {
      for (const rcpt of line.rcpts) {
        const key = `${line.tx} ${rcpt}`;
        if (!attempts.has(key)) continue;
        if (line.accepted) accepted.set(`${line.messageId} ${rcpt}`, key);
        attempts.set(key, !line.accepted || line.placement !== 'inbox');
      }
    }
  }
  for (const line of input.events) {
    const key = line.kind === 'complaint' ? accepted.get(`${line.messageId} ${line.rcpt}`) : undefined;
    if (key !== undefined) attempts.set(key, true);
  }
  return { sent: attempts.size, harmed: [...attempts.values()].filter(Boolean).length };
}

function concernedBy(input: ExposureInput, campaign?: string, domain?: string): (rcpt: string) => boolean {
  if (domain !== undefined) return (rcpt) => rcpt.endsWith(`@${domain}`);
  if (campaign === undefined) return () => true;
  const rcpts = new Set(input.injected.filter((line) => line.campaign === campaign).map((line) => line.rcpt));
  return (rcpt) => rcpts.has(rcpt);
}
