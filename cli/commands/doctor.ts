import { CliError, CONFIG_OPTION, type Command, type Invocation, text } from '../command.ts';
import { ConfigError, loadConfig, type ResolvedConfig } from '../config/load.ts';
import { type Check, ok, wrong } from '../doctor/check.ts';
import { checkDatabase } from '../doctor/database.ts';
import { checkAddresses, checkDns, checkSeeds, checkTemporal } from '../doctor/network.ts';
import { findInstance, type RunningInstance } from '../instance.ts';
import { styleOf } from '../terminal/style.ts';

const NODE_NEEDED = 24;

/** Checks everything it can reach, one line each; exit code 1 if anything is wrong. */
export const doctor: Command = {
  usage: '',
  options: [CONFIG_OPTION],
  example: './rampart doctor',
  positionals: [0, 0],
  async run(invocation) {
    const [config, configChecks] = await readConfig(invocation);
    const [instance, instanceChecks] = await readInstance(invocation);
    const groups = await Promise.all([
      [nodeCheck()],
      configChecks,
      instanceChecks,
      ...(instance === undefined ? [] : [checkDatabase(instance, config), one(checkTemporal(instance))]),
      ...(config === undefined ? [] : [checkAddresses(config), one(checkDns(config)), checkSeeds(config)]),
    ]);
    const checks = groups.flat();
    const failed = checks.some((check) => !check.ok);
    const style = styleOf(invocation.stdout, invocation.env);
    const lines = checks.map((check) =>
      check.ok
        ? `${style.good('ok  ')}  ${check.name}: ${check.says}`
        : `${style.bad('fail')}  ${check.name}: ${check.says}; ${check.todo}`,
    );
    return { json: { ok: !failed, checks }, lines, ...(failed ? { exit: 1 as const } : {}) };
  },
};

function nodeCheck(): Check {
  const { node } = process.versions;
  if (Number.parseInt(node, 10) >= NODE_NEEDED) return ok('node', `version ${node}`);
  return wrong('node', `version ${node}`, `Rampart needs ${NODE_NEEDED} or newer: run make setup`);
}

async function readConfig(invocation: Invocation): Promise<[ResolvedConfig | undefined, Check[]]> {
  try {
    const config = await loadConfig({ file: text(invocation, 'config'), env: invocation.env });
    return [config, [ok('config', config.file)]];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [undefined, error.problems.map((problem) => wrong('config', problem, `correct ${error.file}`))];
  }
}

async function readInstance(invocation: Invocation): Promise<[RunningInstance | undefined, Check[]]> {
  try {
    return [await findInstance(invocation), []];
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return [undefined, [wrong('rampart', 'not running', 'start it with ./rampart up')]];
  }
}

async function one(check: Promise<Check>): Promise<Check[]> {
  return [await check];
}
