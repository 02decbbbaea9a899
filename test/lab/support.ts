/** Worlds small enough for a test, a clock a test can turn, and a sender that binds its source address. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { parseScenario } from '../../lab/scenario-file.ts';
import { startWorld, type World, type WorldOptions } from '../../lab/world.ts';

export const DAY = 86_400_000;
export const HOUR = DAY / 24;
/** Day 0 of worlds whose clock a test turns. */
export const EPOCH = 1_900_000_000_000;

export interface TurnableClock {
  now: number;
}

export type Overrides = Record<string, unknown>;

/** A provider with plain settings; `overrides` replaces any. */
export function provider(key: string, overrides: Overrides = {}): Overrides {
  return { key, domains: [`${key}.example`], mx: [`mx1.${key}.example`], dialect: 'other', ...overrides };
}

export function scenario(providers: Overrides[], overrides: Overrides = {}, traffic: Overrides = {}) {
  const weights = Object.fromEntries(providers.map((one) => [String(one.key), 1]));
  const base = { messagesPerDay: 24, weights, complaintRate: 0, unknownShare: 0, ...traffic };
  return parseScenario({ name: 'test', seed: 7, providers, traffic: base, ...overrides }, 'test');
}

/** A directory that goes when the test ends. */
export async function directoryFor(context: TestContext): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'lab-test-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A started world that stops with the test. */
export async function worldFor(
  context: TestContext,
  options: Omit<WorldOptions, 'directory' | 'dayLength'> & { dayLength?: number },
): Promise<{ world: World; directory: string }> {
  const directory = await directoryFor(context);
  const world = await startWorld({ dayLength: DAY, ...options, directory });
  context.after(() => world.stop());
  return { world, directory };
}

export async function linesOf<T>(file: string): Promise<T[]> {
  const text = await readFile(file, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

export interface Sender {
  /** Sends one message; resolves with the reply that decided it, such as `250 2.0.0 OK`. */
  send(
    rcpt: string,
    extra?: { from?: string; headers?: string[]; messageId?: string; author?: string },
  ): Promise<string>;
  close(): void;
}

let count = 0;

/** A kept connection from `sourceIp`, made anew when the server closes it. */
export function senderFrom(context: TestContext, world: World, sourceIp: string, providerIndex = 0): Sender {
  const host = world.facts.providers[providerIndex]?.mx[0]?.ip ?? '';
  let kept: SMTPConnection | null = null;
  const connect = async () => {
    const connection = new SMTPConnection({
      host,
      port: world.facts.smtpPort,
      localAddress: sourceIp,
      name: 'mta.test',
    });
    connection.once('end', () => {
      if (kept === connection) kept = null;
    });
    await new Promise<void>((resolve, reject) => {
      connection.on('error', reject);
      connection.connect(() => resolve());
    });
    kept = connection;
    return connection;
  };
  const close = () => kept?.close();
  context.after(close);
  const send: Sender['send'] = async (rcpt, extra = {}) => {
    count += 1;
    const headers = [
      `Message-ID: ${extra.messageId ?? `<${count}@test.example>`}`,
      `From: <${extra.author ?? 'a@test.example'}>`,
      `To: <${rcpt}>`,
    ];
    const message = [...headers, ...(extra.headers ?? []), 'Subject: hello', '', 'Hello.', ''].join('\r\n');
    const connection = await (kept ?? connect());
    return new Promise<string>((resolve) => {
      connection.send({ from: extra.from ?? 'b@bounce.test.example', to: [rcpt] }, message, (error, info) => {
        if (!error) return resolve(info?.response ?? '');
        const text = (error as Error & { response?: string }).response ?? error.message;
        if (text.startsWith('421')) {
          connection.close();
          kept = null;
          return resolve(text);
        }
        connection.reset(() => resolve(text));
      });
    });
  };
  return { send, close };
}

/** Sends to `n` fresh recipients at `domain` and counts the answers by their code. */
export async function burst(
  sender: Sender,
  n: number,
  domain: string,
  prefix = 'reader',
): Promise<Map<string, number>> {
  const codes = new Map<string, number>();
  for (let at = 0; at < n; at++) {
    count += 1;
    const code = (await sender.send(`${prefix}-${count}@${domain}`)).slice(0, 3);
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  return codes;
}
