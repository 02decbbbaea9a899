/** The inbound listener: feedback reports (ARF, RFC 5965) come back here and join the delivery they are about. */
import { SMTPServer } from 'smtp-server';
import type { Store } from '../../store/connect.ts';
import { recordComplaint, recordUnverified } from '../../store/probes.ts';
import { listen, tlsOptions } from '../injection/submission.ts';
import type { MtaSettings } from '../settings.ts';
import { recipientOf } from '../trace.ts';
import { parseReport } from './arf.ts';

/** Starts the listener. It takes mail for the feedback addresses only: no relaying, no open inbox. */
export async function startInbound(
  settings: MtaSettings,
  store: Store,
): Promise<{ port: number; stop(): Promise<void> }> {
  const inbound = settings.inbound;
  if (inbound === undefined) throw new Error('no inbound listener is configured');
  const wanted = new Set(inbound.feedbackAddresses.map((address) => address.toLowerCase()));
  const server = new SMTPServer({
    ...tlsOptions(inbound),
    name: settings.hostname,
    banner: 'Rampart',
    size: 2_000_000,
    rejectOversized: true,
    disabledCommands: inbound.tls === undefined ? ['AUTH', 'STARTTLS'] : ['AUTH'],
    disableReverseLookup: true,
    maxClients: 100,
    closeTimeout: 2_000,
    onRcptTo(address, _session, done) {
      if (wanted.has(address.address.toLowerCase())) return done();
      const refusal = new Error('5.1.1 No such address here') as Error & { responseCode: number };
      refusal.responseCode = 550;
      return done(refusal);
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        takeReport(settings, store, Buffer.concat(chunks), session.remoteAddress).then(
          () => done(null, '2.0.0 Ok'),
          (error: Error) => {
            settings.log('feedback-failed', { error: error.message });
            const refusal = new Error('4.3.0 The report can not be stored now') as Error & { responseCode: number };
            refusal.responseCode = 451;
            done(refusal);
          },
        );
      });
    },
  });
  server.on('error', (error: Error) => settings.log('inbound-error', { error: error.message }));
  return listen(server, inbound);
}

async function takeReport(settings: MtaSettings, store: Store, raw: Buffer, from: string): Promise<void> {
  const report = await parseReport(raw);
  if (report === undefined) return recordUnverified(store, 'not-a-report', { from, bytes: raw.length });
  const recipient = report.trace === undefined ? undefined : recipientOf(report.trace, settings.traceKey);
  if (recipient === undefined) return recordUnverified(store, 'no-valid-trace', { from, ...report });
  const outcome = await recordComplaint(store, recipient, { from, ...report });
  if (outcome === 'no-such-delivery') await recordUnverified(store, outcome, { from, recipient, ...report });
}
