import { enableSink } from '../../store/event-sinks.ts';
import { CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { knownSink } from '../known-sink.ts';

/** Switches a sink on again that switched itself off (410 Gone). It goes on where it stood. */
export const eventsEnable: Command = {
  usage: '<sink>',
  options: [CONFIG_OPTION],
  example: './rampart events enable crm',
  positionals: [1, 1],
  run(invocation) {
    return withStore(invocation, async (store) => {
      const sink = await knownSink(store, invocation.positionals[0] ?? '');
      if (sink.disabledAt === null) return { json: { sink: sink.name, enabled: false }, lines: [`${sink.name} is on`] };
      await enableSink(store, sink.name);
      return {
        json: { sink: sink.name, enabled: true },
        lines: [`${sink.name} is on again and goes on where it stood: at most ${sink.backlog} events wait`],
      };
    });
  },
};
