/** The `rampart` command: finds the command, parses its options, prints its answer, ends with its exit code. */
import { parseArgs } from 'node:util';
import { type Answer, badInput, CliError, type CommandEntry, type Invocation, parseOptions } from './command.ts';
import { commandHelp, overview } from './help.ts';
import { COMMANDS } from './table-of-commands.ts';
import { closest } from './terminal/closest.ts';

/** Runs one command line; resolves with the exit code: 0 fine, 1 failed, 2 bad input. */
async function main(args: readonly string[]): Promise<number> {
  const json = args.includes('--json');
  try {
    const answer = await dispatch(args, json);
    if (typeof answer === 'number') return answer;
    print(json ? [JSON.stringify(answer.json)] : answer.lines);
    return answer.exit ?? 0;
  } catch (error) {
    return fail(error, json);
  }
}

async function dispatch(args: readonly string[], json: boolean): Promise<Answer | number> {
  const words = namesIn(args);
  const entry = findCommand(words);
  if (entry === undefined) {
    const group = COMMANDS.filter(({ name }) => name.startsWith(`${words[0]} `));
    const asked = words.length === 0 || (group.length > 0 && words.length === 1) || words[0] === 'help';
    if (!asked) throw unknownCommand(words, group);
    const lines = overview(group.length > 0 ? group : COMMANDS);
    return { json: { commands: COMMANDS.map(({ name, summary }) => ({ name, summary })) }, lines };
  }
  const command = await entry.load();
  if (args.includes('--help')) {
    const lines = commandHelp(entry, command);
    return { json: { help: lines.join('\n') }, lines };
  }
  return command.run(parse(entry, command, args, json));
}

/** The words before the first option; `--json` and `--help` may stand anywhere. */
function namesIn(args: readonly string[]): string[] {
  const rest = args.filter((arg) => arg !== '--json' && arg !== '--help');
  const option = rest.findIndex((arg) => arg.startsWith('-'));
  return option === -1 ? rest : rest.slice(0, option);
}

/** The longest name that the words begin with: `warmup start` before `warmup`. */
function findCommand(words: readonly string[]): CommandEntry | undefined {
  const named = (count: number) => COMMANDS.find(({ name }) => name === words.slice(0, count).join(' '));
  return words.length === 0 ? undefined : (named(2) ?? named(1));
}

function unknownCommand(words: readonly string[], group: readonly CommandEntry[]): CliError {
  const given = words.slice(0, group.length > 0 ? 2 : 1).join(' ');
  const near = closest(
    given,
    (group.length > 0 ? group : COMMANDS).flatMap(({ name }) => [name, name.split(' ')[0] ?? name]),
  );
  const hint = near === undefined ? 'see ./rampart --help' : `did you mean "${near}"?`;
  return badInput(`no command is called "${given}": ${hint}`);
}

function parse(
  entry: CommandEntry,
  command: Awaited<ReturnType<CommandEntry['load']>>,
  args: readonly string[],
  json: boolean,
): Invocation {
  const usage = `rampart ${[entry.name, command.usage].filter(Boolean).join(' ')}`;
  const names = entry.name.split(' ').length;
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...args], options: parseOptions(command), allowPositionals: true });
  } catch (error) {
    const { message } = error as Error;
    // Node tells of a value that begins with a dash in three lines.
    const [, dashed] = /^Option '(--[\w-]+)(?: <value>)?' argument is ambiguous/.exec(message) ?? [];
    if (dashed !== undefined)
      throw badInput(`${dashed} has no value: one that begins with a dash is written ${dashed}=-X`);
    const [first] = message.split('. ');
    throw badInput(`${first?.replace(/\.$/, '')}: see ./rampart ${entry.name} --help`);
  }
  const positionals = parsed.positionals.slice(names);
  const [least, most] = command.positionals;
  if (positionals.length < least) throw badInput(`something is missing: write ./${usage}`);
  if (positionals.length > most) throw badInput(`"${positionals[most]}" is one argument too many: write ./${usage}`);
  const { values } = parsed;
  const options = values as Invocation['options'];
  return { options, positionals, json, env: process.env, stdout: process.stdout, stderr: process.stderr };
}

/** One line for each thing that is wrong, on stderr; the same as JSON on stdout for programs. */
function fail(error: unknown, json: boolean): number {
  const { code, message, exit } = describe(error);
  for (const line of message.split('\n')) process.stderr.write(`rampart: ${line}\n`);
  if (json) print([JSON.stringify({ error: { code, message } })]);
  if (process.env.RAMPART_DEBUG === '1') console.error(error);
  return exit;
}

function describe(error: unknown): { code: string; message: string; exit: number } {
  if (error instanceof CliError) return { code: error.code, message: error.message, exit: error.exit };
  const { code, message } = error as { code?: unknown; message?: unknown };
  // A configuration may have several problems, and all of them are worth a line; other messages are cut to one.
  if (code === 'bad-config') return { code, message: String(message), exit: 2 };
  const said = String(message || code || error)
    .split('\n')[0]
    ?.trim();
  return { code: 'failed', message: said || 'failed without a word: run again with RAMPART_DEBUG=1', exit: 1 };
}

function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

const args = process.argv.slice(2);

// What goes wrong beside the command (an event of a socket) is told in the same way: one line, no stack.
process.on('uncaughtException', (error) => process.exit(fail(error, args.includes('--json'))));

// `rampart warmup status | head` closes the pipe early: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

// What a command leaves open (a connection that never answered) must not keep the process.
process.exit(await main(args));
