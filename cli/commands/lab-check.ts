import type { Command } from '../command.ts';

/** What is wrong with a scenario, with its place. Exit code 2 when it can not be played; remarks alone are no fault. */
export const labCheck: Command = {
  usage: '<file>',
  options: [],
  example: './rampart lab check lab/scenarios/ten-days.json',
  positionals: [1, 1],
  async run(invocation) {
    const { checkedScenario } = await import('../lab/check.ts');
    const { file, scenario, notes } = await checkedScenario(invocation.positionals[0] ?? '');
    const { name, days, seed, providers, traffic, events } = scenario;
    return {
      json: { file, name, days, seed, providers: providers.map((one) => one.key), events: events.length, notes },
      lines: [
        `${name} is in order: ${days} days, ${providers.length} providers, ${traffic.messagesPerDay} messages a day, ${events.length} events`,
        ...notes.map(({ place, message }) => `  note: ${place}: ${message}`),
      ],
    };
  },
};
