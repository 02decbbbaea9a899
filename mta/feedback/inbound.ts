/** The inbound listener: feedback reports (ARF, RFC 5965) come back here and join the delivery they are about. */
import type { Store } from '../../store/connect.ts';
import { recordComplaint, recordUnverified } from '../../store/probes.ts';
import { type Listening, startListener } from '../injection/listener.ts';
import { RefusedMessage } from '../injection/refusal.ts';
import type { MtaSettings } from '../settings.ts';
import { recipientOf } from '../trace.ts';
import { parseReport } from './arf.ts';

const MAX_BYTES = 2_000_000;

/** Starts the listener. It takes mail for the feedback addresses only: no relaying, no open inbox. */
export async function startInbound(
  settings: MtaSettings,
  store: Store,
  inbound: MtaSettings['inbound'] = settings.inbound,
): Promise<Listening> {
  if (inbound === undefined) throw new Error('no inbound listener is configured');
  const wanted = new Set(inbound.feedbackAddresses.map((address) => address.toLowerCase()));
  const { hostname, log } = settings;
  const limits = settings.injection?.limits;
  return startListener(
    inbound,
    { hostname, log, limits, maxBytes: MAX_BYTES, name: 'inbound' },
    {
      disabledCommands: ['AUTH'],
      onRcptTo(address, _session, done) {
        if (wanted.has(address.address.toLowerCase())) return done();
        return done(new RefusedMessage(550, '5.1.1 No such address here'));
      },
      onData(stream, session, done) {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          takeReport(settings, store, Buffer.concat(chunks), session.remoteAddress).then(
            () => done(null, '2.0.0 Ok'),
            (error: Error) => {
              settings.log('feedback-failed', { error: error.message });
              done(new RefusedMessage(451, '4.3.0 The report can not be stored now'));
            },
          );
        });
      },
    },
  );
}

async function takeReport(settings: MtaSettings, store: Store, raw: Buffer, from: string): Promise<void> {
  const report = await parseReport(raw);
  if (report === undefined) return recordUnverified(store, 'not-a-report', { from, bytes: raw.length });
  const recipient = report.trace === undefined ? undefined : recipientOf(report.trace, settings.traceKey);
  if (recipient === undefined) return recordUnverified(store, 'no-valid-trace', { from, ...report });
  const outcome = await recordComplaint(store, recipient, { from, ...report });
  if (outcome === 'no-such-delivery') await recordUnverified(store, outcome, { from, recipient, ...report });
}
