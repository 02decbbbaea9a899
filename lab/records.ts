/** The lines the lab writes: its own view of what happened, by its own clock (`t`, ms since 1970). */
import type { Reply } from './dialect-parts.ts';
import type { Placement } from './provider.ts';
import type { BlocklistEvent, ProviderEvent } from './scenario-events.ts';

/** One RCPT command and its answer. */
export interface RcptLine {
  readonly kind: 'rcpt';
  readonly t: number;
  /** Joins the lines of one transaction. */
  readonly tx: string;
  readonly provider: string;
  readonly mxIp: string;
  readonly sourceIp: string;
  readonly rcpt: string;
  readonly mailFrom: string;
  readonly ehlo: string;
  readonly code: number;
  readonly text: string;
  /** The limit of volume it met, if it met one. */
  readonly why?: Reply['why'];
}

/** The answer to the final dot. */
export interface DataLine {
  readonly kind: 'data';
  readonly t: number;
  readonly tx: string;
  readonly provider: string;
  readonly sourceIp: string;
  readonly mailFrom: string;
  readonly rcpts: readonly string[];
  readonly messageId: string;
  /** The campaign a header names (X-Campaign, X-Campaign-Id, X-Rampart-Campaign, Feedback-ID), or null. */
  readonly campaign: string | null;
  readonly code: number;
  readonly text: string;
  readonly why?: Reply['why'];
  readonly accepted: boolean;
  readonly placement: Placement | null;
}

/** A line of received.jsonl. */
export type ReceivedLine = RcptLine | DataLine;

/** A line of events.jsonl: the ground truth a judge may compare decisions with. */
export type EventLine = { readonly t: number; readonly day: number } & (
  | {
      /** An event at a provider began or ended. */
      readonly kind: ProviderEvent['type'];
      readonly provider: string;
      readonly on: boolean;
      /** Of a tenant-block: the recipient domain. */
      readonly domain?: string;
      /** Of a bad-neighbour: the /24. */
      readonly network?: string;
    }
  | {
      /** An event at a blocklist began or ended, or its own rule listed an address or let it go (kind `listing`). */
      readonly kind: BlocklistEvent['type'];
      readonly blocklist: string;
      readonly on: boolean;
      /** Of a listing: the address or the network. */
      readonly network?: string;
    }
  | {
      readonly kind: 'score';
      readonly provider: string;
      /** `ip:…`, `domain:…` or `net:…`. */
      readonly sender: string;
      readonly score: number;
      readonly standing: string;
    }
  | {
      readonly kind: 'complaint';
      readonly provider: string;
      readonly sourceIp: string;
      readonly rcpt: string;
      readonly messageId: string;
      /** An ARF report goes out for it. */
      readonly reported: boolean;
    }
  | {
      /** What became of the report about a message with the placement `returned`. */
      readonly kind: 'late-bounce';
      readonly provider: string;
      readonly sourceIp: string;
      readonly mailFrom: string;
      readonly rcpts: readonly string[];
      readonly messageId: string;
      /** Enhanced status code in the report, e.g. 5.2.2. */
      readonly status: string;
      /** `refused`: 5xx from the return path's MX. `undeliverable`: no MX, or none took it in time. */
      readonly outcome: 'sent' | 'refused' | 'undeliverable';
      /** The answer, or why there was none. */
      readonly text: string;
    }
);

/** A line of injected.jsonl: a message the application got its 250 for. */
export interface InjectedLine {
  readonly t: number;
  readonly messageId: string;
  readonly rcpt: string;
  readonly provider: string;
  readonly campaign: string;
  /** Segment header it was injected with. */
  readonly segment: string;
}

/** A line of injection-failures.jsonl: what the application did not get a 250 for and does not try again as it was. */
export interface InjectionFailureLine extends InjectedLine {
  /** No answer came to the final dot (the mail went again under a new Message-ID), or a 5xx. */
  readonly kind: 'unanswered' | 'refused';
  readonly text: string;
}
