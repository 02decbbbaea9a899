/** Event sinks as the event role uses them: secrets and certificates read. What is wrong with them joins the problems. */
import { readFileSync } from 'node:fs';
import type { SinkSettings } from '../../events/open.ts';
import { secretKey } from '../../events/webhook/sign.ts';
import type { Problem } from './problems.ts';
import type { CheckedEvents } from './schema-events.ts';

export interface ResolvedEvents {
  /** Days that noted changes and dead letters are kept. */
  readonly keepDays: number;
  readonly sinks: readonly SinkSettings[];
}

/** How secrets and files are read; both collect what is missing. */
export interface EventReaders {
  secret(given: string | { readonly env: string }, at: readonly PropertyKey[]): string;
  file(named: string, at: readonly PropertyKey[]): string;
}

type CheckedSink = CheckedEvents['sinks'][number];

const BROKER_TIMEOUT_MS = 30_000;

/** Reads what the sinks need; adds to `problems` what is wrong with it. */
export function resolveEvents(given: CheckedEvents, read: EventReaders, problems: Problem[]): ResolvedEvents {
  for (const [index, { name }] of given.sinks.entries()) {
    if (given.sinks.findIndex((other) => other.name === name) !== index) {
      problems.push({ path: ['events', 'sinks', index, 'name'], says: `sink "${name}" is there twice` });
    }
  }
  return {
    keepDays: given.keepDays,
    sinks: given.sinks.map((sink, index) => settingsOf(sink, ['events', 'sinks', index], read, problems)),
  };
}

function settingsOf(
  sink: CheckedSink,
  at: readonly PropertyKey[],
  read: EventReaders,
  problems: Problem[],
): SinkSettings {
  const { name, batch, kinds, pools, tenants } = sink;
  const filter = { ...(kinds && { kinds }), ...(pools && { pools }), ...(tenants && { tenants }) };
  const ca = sink.ca === undefined ? {} : { ca: certificates(read.file(sink.ca, [...at, 'ca'])) };
  const base = { name, batch, filter, ...ca };
  switch (sink.kind) {
    case 'webhook': {
      const secrets = sink.secrets.map((secret, n) => {
        const path = [...at, 'secrets', n];
        return webhookSecret(read.secret(secret, path), path, problems);
      });
      return { ...base, kind: 'webhook', url: sink.url, secrets, timeoutMs: sink.timeout };
    }
    case 'amqp': {
      const url = read.secret(sink.url, [...at, 'url']);
      // A missing environment variable has its problem already.
      if (url !== '' && !(/^amqps?:\/\/[^/]/.test(url) && URL.canParse(url))) {
        problems.push({ path: [...at, 'url'], says: 'expected an amqp:// or amqps:// address' });
      }
      const { exchange, unroutable } = sink;
      return { ...base, kind: 'amqp', url, exchange, unroutable, timeoutMs: BROKER_TIMEOUT_MS };
    }
    case 'kafka': {
      const { brokers, topic, tls, sasl } = sink;
      const login = sasl && {
        sasl: { ...sasl, password: read.secret(sasl.password, [...at, 'sasl', 'password']) },
      };
      return { ...base, kind: 'kafka', brokers, topic, tls, ...login, timeoutMs: BROKER_TIMEOUT_MS };
    }
  }
}

function webhookSecret(value: string, path: readonly PropertyKey[], problems: Problem[]): string {
  try {
    if (value !== '') secretKey(value);
  } catch (error) {
    problems.push({ path, says: (error as Error).message });
  }
  return value;
}

/** Whether it can be read was checked with its path. */
function certificates(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
