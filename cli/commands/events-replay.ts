import { askReplay } from '../../store/event-dead-letters.ts';
import { positionsBefore } from '../../store/event-outbox.ts';
import { rewindSink, sinkRows } from '../../store/event-sinks.ts';
import { badInput, CONFIG_OPTION, type Command, text } from '../command.ts';
import { parseDuration } from '../config/duration.ts';
import { withStore } from '../instance.ts';
import { knownSink } from '../known-sink.ts';

/** Attempts are committed some seconds after their time at most; what is sent once more is dropped by its id. */
const SLACK_MS = 60_000;

/** Sends a sink events again: everything since a time, or its dead letters. The running sink does it. */
export const eventsReplay: Command = {
  usage: '',
  options: [
    { name: 'sink', type: 'string', value: 'NAME', says: 'the sink' },
    { name: 'from', type: 'string', value: 'TIME', says: 'everything since 2026-11-21T08:00:00Z, or 2h ago' },
    { name: 'dead', type: 'boolean', says: 'its dead letters' },
    CONFIG_OPTION,
  ],
  example: './rampart events replay --sink crm --dead',
  positionals: [0, 0],
  run(invocation) {
    const name = text(invocation, 'sink');
    const from = text(invocation, 'from');
    const dead = invocation.options.dead === true;
    if (name === undefined) throw badInput('say which sink: --sink NAME');
    if ((from === undefined) === !dead) throw badInput('say what: --from TIME or --dead, one of them');
    const instant = from === undefined ? undefined : instantOf(from);
    return withStore(invocation, async (store) => {
      const sink = await knownSink(store, name);
      const waits = later(sink);
      if (instant === undefined) {
        const letters = await askReplay(store, name);
        const what = letters === 1 ? '1 dead letter' : `${letters} dead letters`;
        return {
          json: { sink: name, letters },
          lines: [letters === 0 ? `${name} has no dead letters` : `${what} will be sent to ${name} again${waits}`],
        };
      }
      await rewindSink(store, name, await positionsBefore(store, instant, SLACK_MS));
      const backlog = (await sinkRows(store)).find((row) => row.name === name)?.backlog ?? 0;
      const since = new Date(instant).toISOString();
      return {
        json: { sink: name, from: since, backlog },
        lines: [`${name} will get everything since ${since} again, at most ${backlog} events${waits}`],
      };
    });
  },
};

function later(sink: { readonly disabledAt: number | null; readonly running: boolean; readonly name: string }): string {
  if (sink.disabledAt !== null) return `, once it is on: ./rampart events enable ${sink.name}`;
  return sink.running ? '' : ', once it runs: ./rampart up';
}

function instantOf(given: string, now = Date.now()): number {
  const back = parseDuration(given);
  const at = back === undefined ? Date.parse(given) : now - back;
  if (Number.isNaN(at))
    throw badInput(`--from is a time such as 2026-11-21T08:00:00Z or a duration such as 2h, not "${given}"`);
  if (at > now) throw badInput(`--from ${given} is in the future`);
  return at;
}
