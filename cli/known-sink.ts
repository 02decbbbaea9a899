/** A sink by its name, or an error that says which there are. */
import type { Queryable } from '../store/connect.ts';
import { type SinkRow, sinkRows } from '../store/event-sinks.ts';
import { badInput } from './command.ts';

export async function knownSink(db: Queryable, name: string): Promise<SinkRow> {
  const sinks = await sinkRows(db);
  const found = sinks.find((sink) => sink.name === name);
  if (found !== undefined) return found;
  const names = sinks.map((sink) => sink.name).join(', ');
  throw badInput(`there is no sink "${name}"${names === '' ? ': none has run yet' : `: there are ${names}`}`);
}
