import { deadLetters } from '../../store/event-dead-letters.ts';
import { badInput, CONFIG_OPTION, type Command, text } from '../command.ts';
import { withStore } from '../instance.ts';
import { knownSink } from '../known-sink.ts';
import { fit } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { ago } from '../terminal/time.ts';

const LIMIT = 100;
const MOST = 10_000;
const REASON = 70;

/** Events that sinks did not take, oldest first; --json has them whole. */
export const eventsDead: Command = {
  usage: '',
  options: [
    { name: 'sink', type: 'string', value: 'NAME', says: 'of this sink alone' },
    { name: 'limit', type: 'string', value: 'N', says: `most to list (default: ${LIMIT})` },
    CONFIG_OPTION,
  ],
  example: './rampart events dead --sink crm',
  positionals: [0, 0],
  run(invocation) {
    const limit = Number(text(invocation, 'limit') ?? LIMIT);
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST) throw badInput(`--limit is from 1 to ${MOST}`);
    return withStore(invocation, async (store) => {
      const now = Date.now();
      const named = text(invocation, 'sink');
      const sink = named === undefined ? null : (await knownSink(store, named)).name;
      const letters = await deadLetters(store, sink, limit);
      const rows = letters.map((letter) => [
        letter.sink,
        ago(letter.at, now),
        letter.event.type,
        letter.event.time,
        letter.event.id,
        letter.replayAsked ? 'will be sent again' : fit(letter.reason, REASON),
      ]);
      const more = letters.length === limit ? [`(the first ${limit}: --limit lists more)`] : [];
      return {
        json: { at: now, letters },
        lines:
          letters.length === 0
            ? ['no dead letters']
            : [...table(['sink', 'given up', 'type', 'of', 'id', 'why'], rows), ...more],
      };
    });
  },
};
