/** A message's story as lines: what was asked for, each attempt with its answer, and what it waits for now. Pure. */
import type { Aftermath, AttemptStory, MessageStory, RecipientStory } from '../../store/queue-views.ts';
import type { Style } from '../terminal/style.ts';
import { ago, span, stamp } from '../terminal/time.ts';
import type { RecipientReason } from '../why/recipient.ts';
import { whyText } from '../why/text.ts';
import { armLine, type ToldArm } from './arms.ts';

/** `arms`: of a message whose pool is divided, which arm each recipient took. `waiting`: what keeps those that wait. */
export function storyLines(
  story: MessageStory,
  now: number,
  style: Style,
  arms: readonly ToldArm[] = [],
  waiting: readonly RecipientReason[] = [],
): string[] {
  const { pool, tenant, stream, segment, campaign } = story;
  return [
    `${style.bold(`message ${story.id}`)}  ${story.messageId}`,
    `  accepted ${stamp(story.receivedAt, 'UTC')} UTC (${ago(story.receivedAt, now)}) from <${story.mailFrom}>`,
    `  pool ${pool}, tenant ${tenant}, ${stream}, segment ${segment}${campaign === '' ? '' : `, campaign ${campaign}`}`,
    ...story.recipients.flatMap((one) =>
      recipientLines(
        one,
        now,
        style,
        arms.find(({ recipient }) => recipient === one.id),
        waiting.find(({ recipient }) => recipient === one.id),
      ),
    ),
  ];
}

/** Rules that the line on its state tells already. */
const TOLD: readonly string[] = ['sending', 'expired', 'retry', 'put-off', 'not-before', 'none'];

function recipientLines(
  one: RecipientStory,
  now: number,
  style: Style,
  arm: ToldArm | undefined,
  waits: RecipientReason | undefined,
): string[] {
  return [
    `  recipient ${one.id}${one.rcpt === null ? '' : ` <${one.rcpt}>`}`,
    ...(arm === undefined ? [] : [`    ${armLine(arm)}`]),
    ...one.attempts.map((attempt) => `    ${attemptLine(attempt, style)}`),
    ...one.after.map((what) => `    ${afterLine(what, style)}`),
    `    ${stateLine(one, now)}`,
    ...(waits === undefined || TOLD.includes(waits.rule) ? [] : [`    why: ${whyText(null, waits)}`]),
  ];
}

/** Endings that are what the sender wanted: `relayed` is all that can be known of mail another engine took. */
const GOOD = ['delivered', 'relayed'];

function attemptLine(attempt: AttemptStory, style: Style): string {
  const good = GOOD.includes(attempt.severity);
  const paint = good ? style.good : attempt.final ? style.bad : style.dim;
  const by = attempt.address === null ? '' : ` by ${attempt.address}`;
  const over = [attempt.host, attempt.tls].filter((one) => one !== null).join(', ');
  const why = good ? '' : ` [${attempt.class}, ${attempt.scope}; rule ${attempt.rule}]`;
  return `${stamp(attempt.at, 'UTC')}  #${attempt.number} ${paint(attempt.severity)} at ${attempt.provider}${over === '' ? '' : ` (${over})`}${by}${why}: ${attempt.reply}`;
}

const AFTER: Readonly<Record<Aftermath['kind'], string>> = {
  'late-bounce': 'bounced after it was accepted',
  complaint: 'complaint',
  notification: 'its sender was told',
};

function afterLine({ at, kind, says }: Aftermath, style: Style): string {
  const paint = kind === 'notification' ? style.dim : style.bad;
  return `${stamp(at, 'UTC')}  ${paint(AFTER[kind])}: ${says}`;
}

function stateLine({ queued, attempts }: RecipientStory, now: number): string {
  const last = attempts.at(-1);
  if (queued === null) {
    if (last === undefined) return 'finished; its attempts are no longer kept';
    // Another engine has it now: what becomes of it is in that one's log.
    return last.severity === 'relayed' ? `finished: handed on to ${last.host}` : `finished: ${last.severity}`;
  }
  if (queued.claim !== null) return `in hand: being sent by ${queued.claim}`;
  const where = queued.provider === null ? 'not routed yet' : `to ${queued.provider}`;
  const bound = queued.address === null ? (queued.freed ? ', by a warm address only' : '') : `, by ${queued.address}`;
  const when = queued.due <= now ? 'due now' : `due in ${span(queued.due - now)}`;
  const left = queued.expires <= now ? 'expires now' : `expires in ${span(queued.expires - now)}`;
  return `waits ${where}${bound}: ${when}, ${left}${queued.reason === null ? '' : `; ${queued.reason}`}`;
}
