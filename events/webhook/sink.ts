/** A webhook: batches of events as one signed POST. TLS certificates are verified, redirects are not followed. */
import { createHash } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import type { RampartEvent } from '../envelope.ts';
import { trusting } from '../patience.ts';
import { allOf, errorText, noneOf, type SendReport, type Sink } from '../sink.ts';
import { answerProblem } from './answers.ts';
import { secretKey, signedHeaders } from './sign.ts';

export interface WebhookSettings {
  readonly kind: 'webhook';
  readonly name: string;
  readonly url: string;
  /** `whsec_…`; several while one replaces another. */
  readonly secrets: readonly string[];
  /** Certificates to trust besides the system's, PEM. */
  readonly ca?: string;
  /** For the whole request, ms. */
  readonly timeoutMs: number;
  readonly batch: number;
}

const LINGER_MS = 1_000;
/** Idle connections are ours to close: many servers do so after 5 s, and a batch sent just then would fail. */
const CONNECTIONS = { keepAlive: true, maxSockets: 2, timeout: 4_000 } as const;
/** Of an answer's body, for people; the rest is not read. */
const EXCERPT = 200;

export class WebhookSink implements Sink {
  readonly kind = 'webhook';
  readonly lingerMs = LINGER_MS;
  readonly name: string;
  readonly batch: number;
  readonly #settings: WebhookSettings;
  readonly #keys: readonly Buffer[];
  readonly #agent: http.Agent;
  readonly #now: () => number;

  constructor(settings: WebhookSettings, now: () => number) {
    this.#settings = settings;
    this.name = settings.name;
    this.batch = settings.batch;
    this.#keys = settings.secrets.map(secretKey);
    this.#now = now;
    const { ca } = settings;
    this.#agent = settings.url.startsWith('https:')
      ? new https.Agent({ ...CONNECTIONS, ...trusting(ca) })
      : new http.Agent(CONNECTIONS);
  }

  async send(events: readonly RampartEvent[], signal: AbortSignal): Promise<SendReport> {
    const body = Buffer.from(JSON.stringify(events.map((event) => event.envelope)));
    const headers = {
      ...signedHeaders(this.#keys, requestId(events), Math.floor(this.#now() / 1_000), body),
      // CloudEvents, HTTP protocol binding §3.3: the batched mode.
      'content-type': 'application/cloudevents-batch+json; charset=utf-8',
      'content-length': String(body.length),
      'user-agent': 'Rampart',
    };
    try {
      const answer = await this.#post(body, headers, signal);
      const problem = answerProblem(answer.status, answer.headers, answer.excerpt, this.#now());
      return problem === null ? allOf(events) : noneOf(problem);
    } catch (error) {
      return noneOf({ kind: 'retry', says: errorText(error) });
    }
  }

  async close(): Promise<void> {
    this.#agent.destroy();
  }

  #post(body: Buffer, headers: http.OutgoingHttpHeaders, stop: AbortSignal): Promise<Answer> {
    const { url, timeoutMs } = this.#settings;
    const { request } = url.startsWith('https:') ? https : http;
    const time = AbortSignal.timeout(timeoutMs);
    const signal = AbortSignal.any([stop, time]);
    return new Promise((resolve, reject) => {
      const failed = (error: Error) =>
        reject(time.aborted ? new Error(`no whole answer within ${timeoutMs / 1_000} s`) : error);
      const sent = request(url, { method: 'POST', headers, agent: this.#agent, signal }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        const done = () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, excerpt: oneLine(text) });
        response.on('data', (chunk: string) => {
          text += chunk;
          // The status has said it all: a body without end must not keep us here.
          if (text.length > 16_384) response.destroy();
        });
        response.on('end', done);
        response.on('close', () => (text.length > 16_384 ? done() : failed(new Error('the answer broke off'))));
        response.on('error', failed);
      });
      sent.on('error', failed);
      sent.end(body);
    });
  }
}

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly excerpt: string;
}

/** The same events in a second try have the same id: receivers drop what they have by it. */
function requestId(events: readonly RampartEvent[]): string {
  const hash = createHash('sha256');
  for (const { envelope } of events) hash.update(`${envelope.source} ${envelope.id}\n`);
  return `msg_${hash.digest('base64url').slice(0, 27)}`;
}

function oneLine(text: string): string {
  // A remote's words go to terminals and logs: no control characters.
  return text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, EXCERPT);
}
