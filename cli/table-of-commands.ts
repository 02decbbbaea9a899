/** Every command, in the order of the help. Modules are loaded on demand: `--help` must not load Temporal's client. */
import type { Command, CommandEntry } from './command.ts';

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
    summary: 'start warming an address up, or a range of them',
    load: async () => (await import('./commands/warmup-start.ts')).warmupStart,
  },
  {
    name: 'warmup preflight',
    summary: 'look whether addresses are ready to start: names, authentication, lists',
    load: async () => (await import('./commands/warmup-preflight.ts')).warmupPreflight,
  },
  {
    name: 'warmup withdraw',
    summary: 'take addresses that have not begun out of their range',
    load: async () => (await import('./commands/warmup-withdraw.ts')).warmupWithdraw,
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
    name: 'warmup set-plan',
    summary: 'give a running warmup another plan from its next stage on',
    load: async () => (await import('./commands/warmup-set-plan.ts')).warmupSetPlan,
  },
  {
    name: 'warmup pause',
    summary: 'stop new cold mail of addresses or lanes, at once',
    load: async () => (await import('./commands/warmup-pause.ts')).warmupPause,
  },
  {
    name: 'warmup resume',
    summary: 'lift your pause or held ceiling',
    load: async () => (await import('./commands/warmup-resume.ts')).warmupResume,
  },
  {
    name: 'warmup hold',
    summary: 'keep ceilings where they are for a time; mail goes on',
    load: async () => (await import('./commands/warmup-hold.ts')).warmupHold,
  },
  {
    name: 'warmup step-back',
    summary: 'go back some stages, at once',
    load: async () => (await import('./commands/warmup-step-back.ts')).warmupStepBack,
  },
  {
    name: 'warmup advance',
    summary: 'go one stage on now, if the gates pass',
    load: async () => (await import('./commands/warmup-advance.ts')).warmupAdvance,
  },
  {
    name: 'warmup promote',
    summary: 'override the gates of one step, once',
    load: async () => (await import('./commands/warmup-promote.ts')).warmupPromote,
  },
  {
    name: 'warmup complete',
    summary: 'put the plan behind a lane: it grows into its normal limit',
    load: async () => (await import('./commands/warmup-complete.ts')).warmupComplete,
  },
  {
    name: 'warmup abort',
    summary: 'end a warmup: mail goes to warm addresses',
    load: async () => (await import('./commands/warmup-abort.ts')).warmupAbort,
  },
  {
    name: 'warmup report',
    summary: "a warmup's days, mail, retreats and placement",
    load: async () => (await import('./commands/warmup-report.ts')).warmupReport,
  },
  {
    name: 'plan list',
    summary: 'the plans there are, shipped and your own',
    load: async () => (await import('./commands/plan-list.ts')).planList,
  },
  {
    name: 'plan show',
    summary: "a plan's stages, as a table and a chart",
    load: async () => (await import('./commands/plan-show.ts')).planShow,
  },
  {
    name: 'plan check',
    summary: 'what is wrong with a plan, stage by stage',
    load: async () => (await import('./commands/plan-check.ts')).planCheck,
  },
  {
    name: 'plan preview',
    summary: "whether a pool's mail can fill a plan",
    load: async () => (await import('./commands/plan-preview.ts')).planPreview,
  },
  {
    name: 'simulate',
    summary: 'play a plan a thousand times in a model world: days, false stops, harm',
    load: async () => (await import('./commands/simulate.ts')).simulate,
  },
  {
    name: 'backtest',
    summary: 'what these gates would have done on mail you sent already',
    load: async () => (await import('./commands/backtest.ts')).backtest,
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
    name: 'user rights',
    summary: 'change what a user may hand in; their password stays',
    load: async () => (await import('./commands/user-rights.ts')).userRights,
  },
  {
    name: 'dkim add',
    summary: 'make a DKIM key for a domain, and say what to publish',
    load: async () => (await import('./commands/dkim-add.ts')).dkimAdd,
  },
  {
    name: 'dkim list',
    summary: 'DKIM keys and where each stands',
    load: async () => (await import('./commands/dkim-list.ts')).dkimList,
  },
  {
    name: 'dkim dns',
    summary: "a domain's DKIM records, as a zone file takes them",
    load: async () => (await import('./commands/dkim-dns.ts')).dkimDns,
  },
  {
    name: 'dkim rotate',
    summary: 'make the successors of the keys a domain signs with',
    load: async () => (await import('./commands/dkim-rotate.ts')).dkimRotate,
  },
  {
    name: 'dkim retire',
    summary: 'stop signing with a key',
    load: async () => (await import('./commands/dkim-retire.ts')).dkimRetire,
  },
  {
    name: 'classify',
    summary: 'say what messages are: bounces, delays, complaints, automatic answers',
    load: async () => (await import('./commands/classify.ts')).classify,
  },
  {
    name: 'classify reply',
    summary: 'say what replies of mail servers mean',
    load: async () => (await import('./commands/classify-reply.ts')).classifyReplies,
  },
  {
    name: 'suppress add',
    summary: 'give recipients no more mail',
    load: async () => (await import('./commands/suppress-add.ts')).suppressAdd,
  },
  {
    name: 'suppress remove',
    summary: 'let recipients get mail again',
    load: async () => (await import('./commands/suppress-remove.ts')).suppressRemove,
  },
  {
    name: 'suppress list',
    summary: 'who gets no mail, and why',
    load: async () => (await import('./commands/suppress-list.ts')).suppressList,
  },
  {
    name: 'suppress confirm',
    summary: 'keep provisional entries',
    load: async () => (await import('./commands/suppress-confirm.ts')).suppressConfirm,
  },
  {
    name: 'suppress import',
    summary: 'take over a list from a CSV file, all of it or nothing',
    load: async () => (await import('./commands/suppress-import.ts')).suppressImport,
  },
  {
    name: 'suppress export',
    summary: 'write the list as CSV',
    load: async () => (await import('./commands/suppress-export.ts')).suppressExport,
  },
  {
    name: 'import powermta',
    summary: 'draw up a configuration from one of PowerMTA, and say what is lost',
    load: async () => (await import('./commands/import-powermta.ts')).importPowermta,
  },
  {
    name: 'import kumomta',
    summary: 'draw up a configuration from shaping, sources and queues of KumoMTA',
    load: async () => (await import('./commands/import-kumomta.ts')).importKumomta,
  },
  {
    name: 'import accounting',
    summary: 'take over volumes from logs, so that lanes start at what they have earned',
    load: async () => (await import('./commands/import-accounting.ts')).importAccounting,
  },
  {
    name: 'cutover start',
    summary: 'move a pool from one engine to another, in steps',
    load: async () => (await import('./commands/cutover-start.ts')).cutoverStart,
  },
  {
    name: 'cutover status',
    summary: 'where a cutover stands, what it waits for, what each provider gets',
    load: async () => (await import('./commands/cutover-status.ts')).cutoverStatusCommand,
  },
  {
    name: 'cutover history',
    summary: 'every decision about a cutover',
    load: async () => (await import('./commands/cutover-history.ts')).cutoverHistory,
  },
  {
    name: 'cutover approve',
    summary: 'say yes to a step that waits for a person',
    load: async () => (await import('./commands/cutover-approve.ts')).cutoverApprove,
  },
  {
    name: 'cutover accept-differences',
    summary: "accept what differs between the arms' messages",
    load: async () => (await import('./commands/cutover-accept-differences.ts')).cutoverAcceptDifferences,
  },
  {
    name: 'cutover hold',
    summary: 'keep the share where it is',
    load: async () => (await import('./commands/cutover-hold.ts')).cutoverHold,
  },
  {
    name: 'cutover resume',
    summary: 'let a held or rolled back cutover go on',
    load: async () => (await import('./commands/cutover-resume.ts')).cutoverResume,
  },
  {
    name: 'cutover advance',
    summary: 'take the next step now',
    load: async () => (await import('./commands/cutover-advance.ts')).cutoverAdvance,
  },
  {
    name: 'cutover step-back',
    summary: 'go back one step at once',
    load: async () => (await import('./commands/cutover-step-back.ts')).cutoverStepBack,
  },
  {
    name: 'cutover rollback',
    summary: 'give the mail back to the old engine, at once',
    load: async () => (await import('./commands/cutover-rollback.ts')).cutoverRollback,
  },
  {
    name: 'cutover reverse',
    summary: 'take a finished cutover back, while it is watched',
    load: async () => (await import('./commands/cutover-reverse.ts')).cutoverReverse,
  },
  {
    name: 'cutover complete',
    summary: 'end the watch after the last step',
    load: async () => (await import('./commands/cutover-complete.ts')).cutoverComplete,
  },
  {
    name: 'cutover abort',
    summary: 'give the mail back and end the cutover',
    load: async () => (await import('./commands/cutover-abort.ts')).cutoverAbort,
  },
  {
    name: 'migration start',
    summary: 'move several pools, one after the other',
    load: async () => (await import('./commands/migration-start.ts')).migrationStart,
  },
  {
    name: 'migration status',
    summary: 'the estate: where each pool stands, and when it may be done',
    load: async () => (await import('./commands/migration-status.ts')).migrationStatus,
  },
  {
    name: 'migration abort',
    summary: 'start no further pool',
    load: async () => (await import('./commands/migration-abort.ts')).migrationAbort,
  },
  {
    name: 'legacy status',
    summary: "how feeds of other engines' events fare",
    load: async () => (await import('./commands/legacy-status.ts')).legacyStatus,
  },
  {
    name: 'legacy import',
    summary: "read another engine's logs once: what became of the mail it was given",
    load: async () => (await import('./commands/legacy-import.ts')).legacyImport,
  },
  {
    name: 'legacy tail',
    summary: "follow another engine's logs, or a pipe",
    load: async () => (await import('./commands/legacy-tail.ts')).legacyTail,
  },
  {
    name: 'stop',
    summary: 'stop mail of a provider, tenant, campaign, domain, network or everything, at once',
    load: async () => (await import('./commands/stop.ts')).stop,
  },
  {
    name: 'resume',
    summary: 'lift a stop, slowly',
    load: async () => (await import('./commands/resume.ts')).resume,
  },
  {
    name: 'why',
    summary: 'the rule that binds a message or a lane, and where each limit comes from',
    load: async () => (await import('./commands/why.ts')).why,
  },
  {
    name: 'mta top',
    summary: 'what the MTA does now, lane by lane',
    load: async () => (await import('./commands/mta-top.ts')).mtaTop,
  },
  {
    name: 'mta queue',
    summary: 'what waits, by pool, provider and reason',
    load: async () => (await import('./commands/mta-queue.ts')).mtaQueue,
  },
  {
    name: 'mta message',
    summary: "one message's whole story",
    load: async () => (await import('./commands/mta-message.ts')).mtaMessage,
  },
  {
    name: 'mta trace',
    summary: 'SMTP conversations with a provider, as they happen',
    load: async () => (await import('./commands/mta-trace.ts')).mtaTrace,
  },
  {
    name: 'mta suspend',
    summary: 'the same as stop',
    load: async () => called('mta suspend', (await import('./commands/stop.ts')).stop),
  },
  {
    name: 'mta resume',
    summary: 'the same as resume',
    load: async () => called('mta resume', (await import('./commands/resume.ts')).resume),
  },
  {
    name: 'mta reroute',
    summary: 'give queued mail to another pool',
    load: async () => (await import('./commands/mta-reroute.ts')).mtaReroute,
  },
  {
    name: 'mta expire',
    summary: 'end queued mail that is too late',
    load: async () => (await import('./commands/mta-expire.ts')).mtaExpire,
  },
  {
    name: 'events status',
    summary: 'how every sink of events fares, and what waits for it',
    load: async () => (await import('./commands/events-status.ts')).eventsStatus,
  },
  {
    name: 'events test',
    summary: 'send a sink one event and say what happened',
    load: async () => (await import('./commands/events-test.ts')).eventsTest,
  },
  {
    name: 'events dead',
    summary: 'events that sinks did not take',
    load: async () => (await import('./commands/events-dead.ts')).eventsDead,
  },
  {
    name: 'events replay',
    summary: 'send a sink events again',
    load: async () => (await import('./commands/events-replay.ts')).eventsReplay,
  },
  {
    name: 'events enable',
    summary: 'switch a sink on again that switched itself off',
    load: async () => (await import('./commands/events-enable.ts')).eventsEnable,
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
  {
    name: 'demo cutover',
    summary: 'move two pools from Postfix to Rampart in minutes, one of them twice',
    load: async () => (await import('./commands/demo-cutover.ts')).demoCutover,
  },
  {
    name: 'lab check',
    summary: 'what is wrong with a world of your own',
    load: async () => (await import('./commands/lab-check.ts')).labCheck,
  },
  {
    name: 'lab run',
    summary: 'play a world against all of Rampart, and hold its truth against the decisions',
    load: async () => (await import('./commands/lab-run.ts')).labRun,
  },
];

/** The same command under a second name: its example begins with that. */
function called(name: string, command: Command): Command {
  return { ...command, example: command.example.replace(/^\.\/rampart \w+/, `./rampart ${name}`) };
}
