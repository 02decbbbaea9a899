/**
 * The inbound listener: bounces come back to VERP return paths, feedback reports to the addresses that were enrolled. No
 * relaying, no open inbox. 250 only after what a report means is stored.
 */
import type { SMTPServerDataStream } from 'smtp-server';
import type { Store } from '../../store/connect.ts';
import { type Listening, startListener } from '../injection/listener.ts';
import { eachChunk } from '../injection/read-data.ts';
import { ReadingBudget } from '../injection/reading-budget.ts';
import { RefusedMessage } from '../injection/refusal.ts';
import type { MtaSettings } from '../settings.ts';
import { classifyMessage } from './classify/message.ts';
import { reporterVerifier } from './reporter.ts';
import { takeReport } from './take.ts';

/** Bounces may return the whole message; of each this much is read, and the rest thrown away. */
const KEPT_BYTES = 2_000_000;
/** Room for the report around a returned message. */
const REPORT_BYTES = 1_000_000;
const MOST_RECIPIENTS = 100;
/** Of all reports under way at once: anybody may connect here, and none of them may take the memory that mail needs. */
const MOST_READING_BYTES = 64_000_000;
/** RFC 5321 §4.5.1 and RFC 2142: somebody must be there. What comes is kept as unverified, for people. */
const ROLES = ['postmaster', 'abuse'];

/** Starts the listener. `reading`: memory for what is being read. */
export async function startInbound(
  settings: MtaSettings,
  store: Store,
  inbound: MtaSettings['inbound'] = settings.inbound,
  reading = new ReadingBudget(MOST_READING_BYTES),
): Promise<Listening> {
  if (inbound === undefined) throw new Error('no inbound listener is configured');
  const takes = addressFilter(inbound.feedbackAddresses, settings.bounceDomain);
  const parts = {
    store,
    traceKey: settings.traceKey,
    classify: classifyMessage,
    verify: reporterVerifier(settings.resolvers, inbound.reporters ?? []),
  };
  const { hostname, log } = settings;
  const limits = settings.injection?.limits;
  const maxBytes = settings.submission.maxBytes + REPORT_BYTES;
  return startListener(
    inbound,
    { hostname, log, limits, maxBytes, name: 'inbound' },
    {
      disabledCommands: ['AUTH'],
      onRcptTo(address, session, done) {
        if (!takes(address.address)) return done(new RefusedMessage(550, '5.1.1 No such address here'));
        if (session.envelope.rcptTo.length >= MOST_RECIPIENTS)
          return done(new RefusedMessage(452, '4.5.3 Too many recipients'));
        return done();
      },
      onData(stream, session, done) {
        const rcpts = session.envelope.rcptTo.map(({ address }) => address);
        const share = reading.share();
        readHead(stream, share.take)
          .then((read) => takeReport(parts, { ...read, rcpts, from: session.remoteAddress }))
          .finally(share.free)
          .then(
            () => done(null, '2.0.0 Ok'),
            (error: Error) => {
              if (error instanceof RefusedMessage) return done(error);
              settings.log('feedback-failed', { error: error.message });
              done(new RefusedMessage(451, '4.3.0 The report can not be stored now'));
            },
          );
      },
    },
  );
}

/** Which envelope recipients are taken: the feedback addresses, return paths of ours, postmaster and abuse. */
function addressFilter(feedback: readonly string[], bounceDomain: string | undefined): (address: string) => boolean {
  const wanted = new Set(feedback.map((address) => address.toLowerCase()));
  const domain = bounceDomain?.toLowerCase();
  if (domain !== undefined) for (const role of ROLES) wanted.add(`${role}@${domain}`);
  return (given) => {
    const address = given.toLowerCase();
    if (wanted.has(address)) return true;
    // A token that does not hold is taken as well: after a change of the key a person must be able to see what came.
    return domain !== undefined && address.startsWith('b+') && address.endsWith(`@${domain}`);
  };
}

/** `take` is told of what is kept, and may throw: the rest is read all the same, for the client hears only at its end. */
async function readHead(
  stream: SMTPServerDataStream,
  take: (bytes: number) => void,
): Promise<{ raw: Buffer; cut: boolean }> {
  let chunks: Buffer[] = [];
  let kept = 0;
  let cut = false;
  let refused: unknown;
  await eachChunk(stream, (chunk) => {
    if (refused !== undefined) return;
    const part = chunk.subarray(0, KEPT_BYTES - kept);
    cut ||= part.length < chunk.length;
    try {
      if (part.length > 0) take(part.length);
    } catch (error) {
      refused = error;
      chunks = [];
      return;
    }
    kept += part.length;
    if (part.length > 0) chunks.push(part);
  });
  if (refused !== undefined) throw refused;
  return { raw: Buffer.concat(chunks), cut: cut || stream.sizeExceeded };
}
