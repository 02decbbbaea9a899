/** The doctor's look at event sinks: whether each configured one is sent to, and takes what it gets. */
import type { Queryable } from '../../store/connect.ts';
import { sinkRows } from '../../store/event-sinks.ts';
import type { ResolvedConfig } from '../config/load.ts';
import { span } from '../terminal/time.ts';
import { type Check, ok, wrong } from './check.ts';

export async function checkSinks(db: Queryable, config: ResolvedConfig | undefined): Promise<Check[]> {
  const rows = await sinkRows(db);
  return (config?.events.sinks ?? []).map(({ name }) => {
    const sink = rows.find((row) => row.name === name);
    const check = `sink ${name}`;
    if (sink?.running !== true) return wrong(check, 'nobody sends to it', 'start ./rampart up again');
    if (sink.disabledAt !== null) {
      return wrong(check, `switched off: ${sink.disabledReason}`, `./rampart events enable ${name}`);
    }
    if (sink.failingSince !== null) {
      const says = `fails for ${span(Date.now() - sink.failingSince)}: ${sink.lastError}`;
      return wrong(check, says, `${sink.backlog} events wait: ./rampart events test ${name}`);
    }
    return ok(check, `${sink.confirmed} confirmed, ${sink.backlog} wait, ${sink.deadLetters} dead letters`);
  });
}
