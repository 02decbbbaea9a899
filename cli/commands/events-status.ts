import { type SinkRow, sinkRows } from '../../store/event-sinks.ts';
import { CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { fit } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { ago, span } from '../terminal/time.ts';

const REASON = 80;

/** How every sink fares: what waits for it and since when, what it refused. Reads PostgreSQL only. */
export const eventsStatus: Command = {
  usage: '',
  options: [CONFIG_OPTION],
  example: './rampart events status',
  positionals: [0, 0],
  run(invocation) {
    return withStore(invocation, async (store) => {
      const now = Date.now();
      const sinks = await sinkRows(store);
      const rows = sinks.map((sink) => [
        sink.name,
        sink.kind,
        state(sink),
        String(sink.backlog),
        sink.oldestAt === null ? '' : span(now - sink.oldestAt),
        String(sink.confirmed),
        sink.confirmedAt === null ? 'never' : ago(sink.confirmedAt, now),
        String(sink.deadLetters),
        String(sink.missed),
        fit(trouble(sink, now), REASON),
      ]);
      const heading = ['sink', 'kind', 'state', 'backlog', 'oldest', 'confirmed', 'last', 'dead', 'missed', 'trouble'];
      return {
        json: { at: now, sinks },
        lines: sinks.length === 0 ? ['no sinks: see docs/events.md'] : table(heading, rows),
      };
    });
  },
};

function state(sink: SinkRow): string {
  if (sink.disabledAt !== null) return 'off';
  if (!sink.running) return 'not running';
  return sink.failingSince === null ? 'well' : 'failing';
}

function trouble(sink: SinkRow, now: number): string {
  if (sink.disabledAt !== null) return `${sink.disabledReason}: ./rampart events enable ${sink.name}`;
  if (sink.failingSince !== null) return `for ${span(now - sink.failingSince)}: ${sink.lastError}`;
  return '';
}
