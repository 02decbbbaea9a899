/** Help texts, as lines. */
import { allOptions, type Command, type CommandEntry } from './command.ts';
import { table } from './terminal/table.ts';

export function overview(commands: readonly CommandEntry[]): string[] {
  return [
    'Rampart warms sending addresses up, lane by lane, and stops by itself when a provider objects.',
    '',
    'usage: rampart <command> [options]',
    '',
    ...indented(commands.map(({ name, summary }) => [name, summary])),
    '',
    'rampart <command> --help says more. Every command takes --json.',
  ];
}

export function commandHelp(entry: CommandEntry, command: Command): string[] {
  const options = allOptions(command).map(({ name, value, says }) => [`--${name}${value ? ` ${value}` : ''}`, says]);
  return [
    `rampart ${entry.name}: ${entry.summary}`,
    '',
    `usage: rampart ${[entry.name, command.usage, '[options]'].filter(Boolean).join(' ')}`,
    '',
    ...indented(options),
    '',
    `example: ${command.example}`,
  ];
}

function indented(rows: readonly string[][]): string[] {
  return table(['', ''], rows)
    .slice(1)
    .map((line) => `  ${line}`);
}
