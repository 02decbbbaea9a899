import { randomUUID } from 'node:crypto';
import { testEvent } from '../../events/envelope.ts';
import { openSink } from '../../events/open.ts';
import { badInput, CliError, CONFIG_OPTION, type Command, text } from '../command.ts';
import { loadConfig } from '../config/load.ts';
import { span } from '../terminal/time.ts';

/** Sends one event of kind `test` to a sink, as the configuration has it now, and says what happened. Needs no database. */
export const eventsTest: Command = {
  usage: '<sink>',
  options: [CONFIG_OPTION],
  example: './rampart events test crm',
  positionals: [1, 1],
  async run(invocation) {
    const config = await loadConfig({ file: text(invocation, 'config'), env: invocation.env });
    const name = invocation.positionals[0] ?? '';
    const settings = config.events.sinks.find((sink) => sink.name === name);
    if (settings === undefined) {
      const names = config.events.sinks.map((sink) => sink.name).join(', ');
      throw badInput(`${config.file} has no sink "${name}"${names === '' ? ', nor any other' : `: it has ${names}`}`);
    }
    const now = Date.now();
    const event = testEvent(name, `urn:rampart:test:${config.node}`, randomUUID(), now);
    const sink = openSink(settings, () => Date.now());
    const { problem } = await sink.send([event], new AbortController().signal);
    await sink.close();
    const took = Date.now() - now;
    if (problem !== null) throw new CliError('sink-failed', `${name} did not take it: ${problem.says}`);
    return {
      json: { sink: name, event: event.envelope, ms: took },
      lines: [
        `${name} took event ${event.envelope.id} of type ${event.envelope.type} in ${took < 1_000 ? `${took} ms` : span(took)}`,
      ],
    };
  },
};
