/** `rampart up`: everything on this machine in the foreground, until it is told to stop. */
import type { ResolvedConfig } from '../config/resolved.ts';
import { traceKeyOf } from '../config/trace-key.ts';
import { startInstance } from './instance.ts';
import type { InstanceSpec } from './spec.ts';

export async function up(config: ResolvedConfig, options: { json: boolean }): Promise<void> {
  const say = (line: string) => {
    if (!options.json) process.stdout.write(`${line}\n`);
  };
  const told = new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
    // A terminal that closes sends it to those who must end; a service manager to those who must reload.
    process.on('SIGHUP', () => (process.stdout.isTTY ? resolve() : reload()));
  });
  let reload = () => {};
  const instance = await startInstance(await specOf(config), { report: say });
  reload = () => {
    for (const role of instance.roles) role.reload();
  };
  const { submissionPort, inboundPort, httpPort, legacyPort, temporalAddress } = instance;
  if (options.json)
    process.stdout.write(
      `${JSON.stringify({ submissionPort, inboundPort, httpPort, legacyPort, temporalAddress, pid: process.pid })}\n`,
    );
  const lanes = config.pools.reduce((sum, pool) => sum + pool.addresses.length, 0) * config.providers.length;
  say(
    `Rampart is up: ${config.pools.length} ${config.pools.length === 1 ? 'pool' : 'pools'}, ${lanes} lanes. Mail goes in at ${config.mta.submission.host}:${submissionPort}.`,
  );
  say(`See ./rampart warmup status. Ctrl-C stops it; what it knows stays in ${config.dataDir}.`);
  await told;
  say('stopping: what is being sent is finished first');
  await instance.stop();
}

async function specOf(config: ResolvedConfig): Promise<InstanceSpec> {
  const { file: _file, traceKey: _key, preflight, mta, ...rest } = config;
  return {
    ...rest,
    dnsbls: { lists: preflight.dnsbls, unseen: false },
    mta: { ...mta, traceKey: await traceKeyOf(config) },
  };
}
