/**
 * Asks a webhook about a step or a rollback, and keeps the answer. 2xx is yes, another status no; nothing within its time is
 * `silent`, which takes no step and does not keep anybody from a rollback.
 */
import { ladderOf, pointsOf } from '../../policy/cutover/ladder.ts';
import type { WebhookGate } from '../../policy/cutover/plan.ts';
import { keepGate } from '../../store/cutover-gates.ts';
import { cutoverDecisions, cutoverOf } from '../../store/cutovers.ts';
import type { ActivityDeps } from '../deps.ts';

const LONGEST_ANSWER = 500;

/** `at`: the caller's instant of asking (ms); a repeated question is the same row. */
export async function askGate(
  deps: ActivityDeps,
  input: { readonly front: string; readonly gate: WebhookGate; readonly rung: number; readonly at: number },
): Promise<void> {
  const row = await cutoverOf(deps.store, input.front);
  const hook = row?.plan.webhooks.find(({ gate }) => gate === input.gate);
  if (row === undefined || row.endedAt !== null || hook === undefined) return;
  const ladder = ladderOf(row.plan, row.scope);
  const last = (await cutoverDecisions(deps.store, row.id)).at(-1);
  const body = JSON.stringify({
    ...{ gate: input.gate, cutover: row.id, front: row.front, from: row.oldArm, to: row.newArm, phase: row.phase },
    ...{ share: pointsOf(ladder, row.rung), next: input.gate === 'confirm-step' ? pointsOf(ladder, input.rung) : 0 },
    ...{ outlook: row.outlook, lastDecision: last?.event ?? null },
  });
  const answer = await ask(hook.url, hook.timeoutMs, body);
  deps.log('cutover-gate', { front: row.front, gate: input.gate, ...answer });
  // Never before the phase it is about: the two clocks are the same, and the answer belongs to this question.
  await keepGate(
    deps.store,
    { cutover: row.id, gate: input.gate, rung: input.rung, at: Math.max(input.at, Math.ceil(row.phaseSince)) },
    { ...answer, at: deps.now() },
  );
}

async function ask(
  url: string,
  timeoutMs: number,
  body: string,
): Promise<{ answer: 'yes' | 'no' | 'silent'; says: string }> {
  try {
    const response = await fetch(url, {
      ...{ method: 'POST', body, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) },
      headers: { 'content-type': 'application/json' },
    });
    const says = `${response.status} ${(await response.text()).replace(/\s+/g, ' ').slice(0, LONGEST_ANSWER)}`.trim();
    return { answer: response.ok ? 'yes' : 'no', says };
  } catch (error) {
    const { message, cause } = error as Error & { cause?: Error };
    return { answer: 'silent', says: `no answer: ${cause?.message ?? message}` };
  }
}
