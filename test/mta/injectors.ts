/** Applications that hand in mail while things break: each message once, what was answered is written down. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SmtpClient } from '../../lab/smtp-client.ts';

export interface Injection {
  /** Message-IDs that were answered with 250. */
  readonly accepted: Set<string>;
  /** Message-IDs whose answer never came: they may have been accepted. */
  readonly unknown: Set<string>;
  /** Other replies. */
  readonly refusals: string[];
  stop(): Promise<void>;
}

/** Without it cold lanes would not carry the mail. */
const ONE_CLICK = 'List-Unsubscribe: <https://shop.example/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n';

/** Starts `clients` applications, each sending a message every `everyMs`; `header`: more lines of it, with their ends. */
export function inject(
  port: number,
  options: { clients: number; everyMs: number; domain: string; header?: string },
): Injection {
  const accepted = new Set<string>();
  const unknown = new Set<string>();
  const refusals: string[] = [];
  let stopped = false;
  const run = async () => {
    const client = new SmtpClient({ host: '127.0.0.1', port, user: 'shop', password: 'secret' });
    while (!stopped) {
      const id = `<${randomUUID()}@shop.example>`;
      const header = `Message-ID: ${id}\r\nFrom: <a@shop.example>\r\nSubject: hello\r\n${ONE_CLICK}${options.header ?? ''}`;
      const message = `${header}\r\nHello.\r\n`;
      const result = await client.send('bounce@shop.example', `r-${id.slice(1, 37)}@${options.domain}`, message);
      if (result.kind === 'answered' && result.code === 250) accepted.add(id);
      else if (result.kind === 'answered') refusals.push(`${result.code} ${result.text}`);
      else if (result.kind === 'unanswered') unknown.add(id);
      await sleep(options.everyMs);
    }
    client.close();
  };
  const running = Promise.all(Array.from({ length: options.clients }, run));
  return {
    accepted,
    unknown,
    refusals,
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}
