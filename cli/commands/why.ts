import { isIPv4 } from 'node:net';
import type { Store } from '../../store/connect.ts';
import { messageStories } from '../../store/queue-views.ts';
import { queuedMail } from '../../store/queued-mail.ts';
import { type Answer, badInput, CONFIG_OPTION, type Command, type Invocation } from '../command.ts';
import { withStore } from '../instance.ts';
import { knownAddress, knownLanes } from '../known-address.ts';
import { armLine, armsOf } from '../mail/arms.ts';
import { verdictWord } from '../status/gate-verdicts.ts';
import { styleOf } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { span, stamp } from '../terminal/time.ts';
import { configuredLimits } from '../why/configured.ts';
import { type LaneReport, whyLane, whyQueued } from '../why/gather.ts';
import type { RecipientReason } from '../why/recipient.ts';

/** Names the rule that binds a message or a lane, and every limit with its origin. Reads PostgreSQL (and the configuration). */
export const why: Command = {
  usage: '<message-id | ip provider>',
  options: [CONFIG_OPTION],
  example: './rampart why 198.51.100.9 google',
  positionals: [1, 2],
  run(invocation) {
    const [name = '', second] = invocation.positionals;
    const [ip = '', provider] = second === undefined ? name.split(/[/ ]/, 2) : [name, second];
    return withStore(invocation, (store) => {
      if (isIPv4(ip)) return ofLane(invocation, store, ip, provider);
      if (second !== undefined)
        throw badInput(`"${name}" is not an IPv4 address: name a lane like 198.51.100.9 google`);
      return ofMessage(invocation, store, name);
    });
  },
};

async function ofLane(invocation: Invocation, store: Store, ip: string, provider?: string): Promise<Answer> {
  await knownAddress(store, ip);
  const lanes = await knownLanes(store, ip, provider);
  const [lane] = lanes;
  if (lane === undefined || lanes.length > 1) {
    const names = lanes.map((one) => one.provider).join(', ');
    throw badInput(`${ip} has several lanes: name one of ${names}, as in ./rampart why ${ip} ${lane?.provider}`);
  }
  const now = Date.now();
  const { configured, note } = await configuredLimits(invocation);
  const report = await whyLane(store, lane, configured, now);
  const style = styleOf(invocation.stdout, invocation.env);
  const { binds } = report;
  const next = binds.nextAt === null || binds.nextAt <= now ? '' : ` (next in ${span(binds.nextAt - now)})`;
  return {
    json: { at: now, lane: report, ...(note === undefined ? {} : { note }) },
    lines: [
      `${style.bold(`${report.address} ${report.provider}`)}, pool ${report.pool}, ${report.phase}`,
      `  binds: ${binds.says}${next}`,
      ...(binds.change === null ? [] : [`  change: ${binds.change}`]),
      ...report.orders.map((order) => `  ${orderLine(order, report.zone)}`),
      '',
      ...table(
        ['limit', 'is', 'from'],
        report.limits.map(({ limit, value, from }) => [limit, value, from]),
      ).map((line) => `  ${line}`),
      ...gateLines(report),
      ...(note === undefined ? [] : ['', `note: ${note}`]),
    ],
  };
}

/** What an operator ordered for the lane's next evaluations. */
function orderLine({ kind, actor, reason, until }: LaneReport['orders'][number], zone: string): string {
  const when = until === null ? 'until it is resumed' : `until ${stamp(until, zone)}`;
  return kind === 'freeze'
    ? `held: its ceiling stays ${when}, by ${actor}: ${reason}`
    : `promoted: its next step goes over gates that hold it, ${when}, by ${actor}: ${reason}`;
}

/** What each gate said last, with what a pass still needs. */
function gateLines({ gates, zone }: LaneReport): string[] {
  if (gates === null) return ['', '  no gate has judged this lane yet'];
  const rows = gates.verdicts.map(({ metric, verdict, acted, says }) => [metric, verdictWord(verdict, acted), says]);
  return [
    '',
    `  gates, judged ${stamp(gates.at, zone)}`,
    ...table(['gate', 'verdict', 'what it saw'], rows).map(indented),
  ];
}

const indented = (line: string) => `  ${line}`;

async function ofMessage(invocation: Invocation, store: Store, name: string): Promise<Answer> {
  const stories = await messageStories(store, name);
  if (stories.length === 0)
    throw badInput(
      `no message is called "${name}": give the number of its 250 answer ("queued as …"), its Message-ID, or a lane such as 198.51.100.9 google`,
    );
  const now = Date.now();
  const { tenantShare } = await configuredLimits(invocation);
  const style = styleOf(invocation.stdout, invocation.env);
  const lines: string[] = [];
  const messages: unknown[] = [];
  for (const { id, messageId, pool, recipients } of stories) {
    const waiting = await whyQueued(store, await queuedMail(store, id), now, tenantShare);
    const arms = await armsOf(store, id, now);
    const armOf = (recipient: number) =>
      arms.filter((one) => one.recipient === recipient).map((one) => `    ${armLine(one)}`);
    const finished = recipients.filter((one) => one.queued === null);
    messages.push({
      id,
      messageId,
      pool,
      waiting,
      ...(arms.length === 0 ? {} : { arms }),
      finished: finished.map((one) => ({ recipient: one.id, last: one.attempts.at(-1) ?? null })),
    });
    lines.push(
      `${style.bold(`message ${id}`)}  ${messageId}, pool ${pool}`,
      ...waiting.flatMap((one) => [...recipientLines(one), ...armOf(one.recipient)]),
    );
    for (const one of finished) {
      const last = one.attempts.at(-1);
      lines.push(
        `  recipient ${one.id}: ${last === undefined ? 'finished' : `${last.severity}: ${last.reply}`}`,
        ...armOf(one.id),
      );
    }
  }
  return { json: { at: now, messages }, lines };
}

function recipientLines({ recipient, rcpt, says, change, lanes }: RecipientReason): string[] {
  return [
    `  recipient ${recipient} <${rcpt}>: ${says}`,
    ...(change === null ? [] : [`    change: ${change}`]),
    ...lanes.flatMap((one) => [
      `    ${one.lane}: ${one.why ?? 'nothing keeps it from taking this'}`,
      ...(one.change === null || one.change === change ? [] : [`      change: ${one.change}`]),
    ]),
  ];
}
