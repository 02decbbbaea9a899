/** Every command, in the order of the help. Modules are loaded on demand: `--help` must not load Temporal's client. */
import type { CommandEntry } from './command.ts';

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'init',
    summary: 'write a commented configuration file',
    load: async () => (await import('./commands/init.ts')).init,
  },
  {
    name: 'check',
    summary: 'read the configuration and say what it means',
    load: async () => (await import('./commands/check.ts')).check,
  },
  {
    name: 'up',
    summary: 'run Rampart on this machine, until Ctrl-C',
    load: async () => (await import('./commands/up.ts')).up,
  },
  {
    name: 'warmup start',
    summary: 'start warming an address up',
    load: async () => (await import('./commands/warmup-start.ts')).warmupStart,
  },
  {
    name: 'warmup status',
    summary: 'every lane: stage, volume, placement, last decision, what binds',
    load: async () => (await import('./commands/warmup-status.ts')).warmupStatus,
  },
  {
    name: 'warmup history',
    summary: 'every decision about an address, with its evidence',
    load: async () => (await import('./commands/warmup-history.ts')).warmupHistory,
  },
  {
    name: 'warmup pause',
    summary: 'stop new cold mail of an address or a lane, at once',
    load: async () => (await import('./commands/warmup-pause.ts')).warmupPause,
  },
  {
    name: 'warmup resume',
    summary: 'lift your pause',
    load: async () => (await import('./commands/warmup-resume.ts')).warmupResume,
  },
  {
    name: 'user add',
    summary: 'let somebody hand in mail',
    load: async () => (await import('./commands/user-add.ts')).userAdd,
  },
  {
    name: 'user list',
    summary: 'who may hand in mail, and what they may',
    load: async () => (await import('./commands/user-list.ts')).userList,
  },
  {
    name: 'user remove',
    summary: "stop taking somebody's mail",
    load: async () => (await import('./commands/user-remove.ts')).userRemove,
  },
  {
    name: 'user password',
    summary: 'give a user a new password',
    load: async () => (await import('./commands/user-password.ts')).userPassword,
  },
  {
    name: 'doctor',
    summary: 'check this machine and the running parts',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  {
    name: 'demo',
    summary: 'warm an address up in minutes, against a small internet on loopback',
    load: async () => (await import('./commands/demo.ts')).demo,
  },
];
