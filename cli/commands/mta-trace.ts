import { isIPv4 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { allLanes } from '../../store/lanes.ts';
import { endTrace, startTrace, type TraceLine, traceLines } from '../../store/traces.ts';
import { badInput, CONFIG_OPTION, type Command, type Invocation, text } from '../command.ts';
import { parseDuration } from '../config/duration.ts';
import { withStore } from '../instance.ts';
import { ACTOR_OPTION, by } from '../temporal-command.ts';
import { closest } from '../terminal/closest.ts';
import { type Style, styleOf } from '../terminal/style.ts';

const LOOK_MS = 250;
const FOR = '1min';
const SESSIONS = 5;

/** Prints SMTP conversations as they happen: commands and replies, without message texts and passwords. */
export const mtaTrace: Command = {
  usage: '',
  options: [
    { name: 'provider', type: 'string', value: 'P', says: 'conversations with this provider' },
    { name: 'address', type: 'string', value: 'IP', says: 'of this sending address' },
    { name: 'host', type: 'string', value: 'TEXT', says: 'with MX hosts whose name contains this' },
    { name: 'for', type: 'string', value: 'TIME', says: `how long to listen (default: ${FOR})` },
    { name: 'sessions', type: 'string', value: 'N', says: `conversations per process (default: ${SESSIONS})` },
    ACTOR_OPTION,
    CONFIG_OPTION,
  ],
  example: './rampart mta trace --provider google --for 2min',
  positionals: [0, 0],
  async run(invocation) {
    const { actor } = by(invocation, 'trace');
    const length = parseDuration(text(invocation, 'for') ?? FOR);
    if (length === undefined || length > 3_600_000)
      throw badInput(`--for is "${text(invocation, 'for')}": give a time of at most an hour, such as 30s or 5min`);
    const sessions = Number(text(invocation, 'sessions') ?? SESSIONS);
    if (!Number.isInteger(sessions) || sessions < 1 || sessions > 100)
      throw badInput(`--sessions is "${text(invocation, 'sessions')}": give a whole number from 1 to 100`);
    const filter = {
      provider: text(invocation, 'provider'),
      address: text(invocation, 'address'),
      host: text(invocation, 'host')?.toLowerCase(),
    };
    if (filter.address !== undefined && !isIPv4(filter.address))
      throw badInput(`"${filter.address}" is not an IPv4 address`);
    return withStore(invocation, async (store) => {
      const known = [...new Set((await allLanes(store)).map((lane) => lane.provider))];
      if (filter.provider !== undefined && !known.includes(filter.provider)) {
        const near = closest(filter.provider, known);
        const hint = near === undefined ? `known: ${known.join(', ')}` : `did you mean ${near}?`;
        throw badInput(`no lane is for provider "${filter.provider}" (${hint})`);
      }
      const until = Date.now() + length;
      const id = await startTrace(store, filter, { sessions, until, actor });
      const interrupted = new AbortController();
      process.once('SIGINT', () => interrupted.abort());
      let seen = 0;
      try {
        for (let after = 0; ; ) {
          const over = Date.now() >= until || interrupted.signal.aborted;
          const lines = await traceLines(store, id, after);
          for (const line of lines) print(invocation, line, styleOf(invocation.stdout, invocation.env));
          after = lines.at(-1)?.id ?? after;
          seen += lines.length;
          if (over) break;
          await sleep(LOOK_MS, undefined, { signal: interrupted.signal }).catch(() => {});
        }
      } finally {
        await endTrace(store, id);
      }
      if (seen === 0 && !invocation.json)
        invocation.stdout.write('no conversation began: see ./rampart mta queue for what waits, and why\n');
      return 0;
    });
  },
};

const MARK = { client: '>', server: '<', note: '*' } as const;

function print({ json, stdout }: Invocation, line: TraceLine & { readonly id: number }, style: Style): void {
  if (json) {
    stdout.write(`${JSON.stringify({ session: line.session, at: line.at, who: line.who, line: line.line })}\n`);
    return;
  }
  const time = new Date(line.at).toISOString().slice(11, 23);
  const said = `${time} ${line.session} ${MARK[line.who]} ${line.line}`;
  const refused = line.who === 'server' && /^[45]/.test(line.line);
  stdout.write(`${refused ? style.bad(said) : line.who === 'note' ? style.dim(said) : said}\n`);
}
