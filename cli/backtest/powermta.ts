/**
 * PowerMTA's accounting file: d (delivered), b (bounced) and f (feedback) records; others are counted and left out.
 * Fields by the names of the header (their order is configured). A message is dated by its first attempt where the file
 * says it (timeFirstAttempt, 5.5 on), else by when it was queued.
 *
 * A record's lane is its source address (dlvSourceIp, else its virtual MTA) and the provider of the host that answered
 * (dsnMta); mail that no host answered goes where the other mail to its domain went, else to `other`.
 */
import { mxHost, type Row } from '../../import/columns.ts';
import { byCategory } from '../../import/outcomes/categories.ts';
import { replyIn } from '../../import/outcomes/event.ts';
import { providerOf } from '../../policy/providers.ts';
import { classifyReply } from '../../policy/replies.ts';
import { BadLine, instant } from './columns.ts';
import type { Outcome, PastMail } from './past-mail.ts';

export const POWERMTA_COLUMNS: readonly string[] = ['type', 'timeLogged', 'rcpt'];

export class PowerMta {
  readonly #mail: PastMail;
  readonly #providers = new Map<string, string>();
  /** Records that wait for the whole file: complaints, and bounces of domains nobody has answered for yet. */
  readonly #late: { readonly row: Row; readonly line: number }[] = [];
  readonly leftOut = new Map<string, number>();

  constructor(mail: PastMail) {
    this.#mail = mail;
  }

  /** Takes a record. Throws BadLine. */
  take(row: Row, line: number): void {
    const type = row('type');
    if (type === 'd' || type === 'b') {
      if (this.#provider(row) === undefined) this.#late.push({ row, line });
      else this.#message(row);
    } else if (type === 'f') this.#late.push({ row, line });
    else this.#leave(`record type ${type === '' ? '(empty)' : type}`);
  }

  /** Takes what had to wait; `bad` hears of those that can not be used. */
  end(bad: (line: number, says: string) => void): void {
    for (const { row, line } of this.#late.splice(0)) {
      try {
        if (row('type') === 'f') this.#complaint(row);
        else this.#message(row);
      } catch (error) {
        if (!(error instanceof BadLine)) throw error;
        bad(line, error.message);
      }
    }
  }

  #message(row: Row): void {
    const ended = instant(row, 'timeLogged');
    const firstColumn = ['timeFirstAttempt', 'timeQueued'].find((name) => row(name) !== '');
    const first = firstColumn === undefined ? ended : instant(row, firstColumn);
    if (first > ended) throw new BadLine(`${firstColumn} is later than timeLogged`);
    const provider = this.#provider(row) ?? 'other';
    const outcome = row('type') === 'd' ? 'delivered' : bounceOutcome(row, provider);
    this.#mail.add({ address: addressOf(row), provider, campaign: row('jobId'), first, ended, outcome });
  }

  #complaint(row: Row): void {
    const provider = this.#providers.get(domainOf(row)) ?? 'other';
    const campaign = row('header_X-job') || row('jobId');
    const joined = this.#mail.complaint({
      address: addressOf(row),
      provider,
      campaign,
      at: instant(row, 'timeLogged'),
    });
    if (!joined) this.#leave('complaints about mail that is not in the file');
  }

  /** Of the host that answered, or of the domain's other mail; undefined: not known yet. */
  #provider(row: Row): string | undefined {
    const host = mxHost(row('dsnMta').trim());
    const domain = domainOf(row);
    if (host === null) return this.#providers.get(domain);
    const provider = providerOf([{ exchange: host, priority: 0 }]);
    this.#providers.set(domain, provider);
    return provider;
  }

  #leave(what: string): void {
    this.leftOut.set(what, (this.leftOut.get(what) ?? 0) + 1);
  }
}

function addressOf(row: Row): string {
  const address = row('dlvSourceIp') || row('vmta');
  if (address === '') throw new BadLine('neither dlvSourceIp nor vmta says from where it was sent');
  return address;
}

function domainOf(row: Row): string {
  const rcpt = row('rcpt');
  const at = rcpt.lastIndexOf('@');
  if (at < 0 || at === rcpt.length - 1) throw new BadLine(`rcpt is "${rcpt}": expected an address`);
  return rcpt.slice(at + 1).toLowerCase();
}

/** Our own rules read the reply; where the file has none, PowerMTA's category does. */
function bounceOutcome(row: Row, provider: string): Outcome {
  const reply = replyIn(row('dsnDiag'));
  const { severity } =
    reply === null ? { severity: byCategory(row('bounceCat')).kind } : classifyReply({ ...reply, provider });
  return severity === 'hard' || severity === 'blocked' ? severity : 'failed';
}
