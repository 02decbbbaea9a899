/** A real engine, whichever it is: takes mail on loopback, sends it from an address of its own, and writes a log. */
import { existsSync } from 'node:fs';
import { startLegacyEngine } from '../../lab/legacy-engine.ts';
import type { FeedSettings } from '../../legacy/settings.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { eximPlace } from '../../setup/steps/exim.ts';
import { startExim } from '../legacy/exim.ts';

export type EngineKind = 'postfix' | 'exim';

export interface EngineOptions {
  /** Of its feed: whose log it is. */
  readonly feed: string;
  readonly sender: { readonly ip: string; readonly name: string };
  /** Where all mail to these domains goes. */
  readonly sink: { readonly ip: string; readonly port: number; readonly domains: readonly string[] };
  /** Real ms of a plan day. */
  readonly dayLength: number;
}

export interface Engine {
  readonly port: number;
  readonly feed: FeedSettings;
  /** Messages in its queue. */
  queued(): Promise<number>;
  stop(): Promise<void>;
}

/** Why these tests can not run here, in words; false: they can. */
export function enginesMissing(): string | false {
  if (process.getuid?.() !== 0 || !existsSync('/usr/sbin/postfix'))
    return 'needs Postfix, as root: setup/setup.sh --lab';
  return existsSync(eximPlace().program) ? false : 'needs Exim: setup/setup.sh --lab';
}

export async function startEngine(kind: EngineKind, options: EngineOptions): Promise<Engine> {
  const { feed: name, sender, sink, dayLength } = options;
  if (kind === 'exim') {
    const exim = await startExim({ ip: sink.ip, port: sink.port, from: sender.ip });
    const feed = { name, format: 'exim', files: [exim.mainLog] } as const;
    return { port: exim.port, feed, queued: exim.queued, stop: exim.stop };
  }
  const postfix = await startLegacyEngine({
    ...{ port: await freePort(), sender, smtpPort: sink.port, dayLength },
    providers: [{ domains: sink.domains, mx: [{ ip: sink.ip }] }],
    // What waits is to arrive: here nothing expires.
    settings: { maximal_queue_lifetime: '1h', bounce_queue_lifetime: '1h', maximal_backoff_time: '2s' },
  });
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const feed = { name, format: 'postfix', files: [postfix.logFile], timeZone } as const;
  return { port: postfix.port, feed, queued: postfix.queued, stop: postfix.stop };
}
