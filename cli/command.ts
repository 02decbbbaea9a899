/** What a command is, and how it fails. */
import type { ParseArgsOptionsConfig } from 'node:util';

/** A failure with words for people: one line, and what to do about it. Exit code 1 = failed, 2 = bad input. */
export class CliError extends Error {
  readonly code: string;
  readonly exit: 1 | 2;

  constructor(code: string, message: string, exit: 1 | 2 = 1) {
    super(message);
    this.name = 'CliError';
    this.code = code;
    this.exit = exit;
  }
}

/** Bad input: nothing was written. */
export function badInput(message: string): CliError {
  return new CliError('bad-input', message, 2);
}

export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

export interface Invocation {
  /** Values of the options, by name. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
  readonly json: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** What a command has to say: `json` for programs, `lines` for people, and its exit code when that is not 0. */
export interface Answer {
  readonly json: unknown;
  readonly lines: readonly string[];
  readonly exit?: 1 | 2;
}

export interface CommandOption {
  readonly name: string;
  readonly type: 'string' | 'boolean';
  /** How its value is called in the help; strings only. */
  readonly value?: string;
  readonly says: string;
}

export interface Command {
  /** Arguments after the name, e.g. `<ip>`. */
  readonly usage: string;
  readonly options: readonly CommandOption[];
  readonly example: string;
  /** Fewest and most arguments. */
  readonly positionals: readonly [number, number];
  /** Answers at the end, or writes as it goes and gives its exit code. */
  run(invocation: Invocation): Promise<Answer | number>;
}

/** A command as the dispatcher's table lists it: its module is loaded only when it is asked for. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Command>;
}

export const CONFIG_OPTION: CommandOption = {
  name: 'config',
  type: 'string',
  value: 'FILE',
  says: 'configuration file (default: RAMPART_CONFIG, else rampart.config.ts in the checkout)',
};

const JSON_OPTION: CommandOption = {
  name: 'json',
  type: 'boolean',
  says: 'answer in JSON on stdout, and nothing else',
};
const HELP_OPTION: CommandOption = { name: 'help', type: 'boolean', says: 'say this' };

/** A command's options and those every command has. */
export function allOptions(command: Command): readonly CommandOption[] {
  return [...command.options, JSON_OPTION, HELP_OPTION];
}

/** The same, as node:util's parseArgs takes them. */
export function parseOptions(command: Command): ParseArgsOptionsConfig {
  return Object.fromEntries(allOptions(command).map(({ name, type }) => [name, { type }]));
}

/** A string option, or undefined where it was not given. */
export function text(invocation: Invocation, name: string): string | undefined {
  const value = invocation.options[name];
  return typeof value === 'string' ? value : undefined;
}
