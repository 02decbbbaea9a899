/** Outboxes of the store: incidents reach their workflow at least once, notices reach whoever listens. */
import type { Store } from '../store/connect.ts';
import { markSent, noticesToSend } from '../store/decisions.ts';
import { incidentsToRelay, markRelayed } from '../store/holds.ts';

export interface RelayPorts {
  /** Tells an address workflow; rejects when it could not be told (it is tried again). */
  readonly incident: (address: string, incident: { incident: number; cause: string }) => Promise<void>;
  readonly notice: (notice: { kind: string; subject: string; body: unknown }) => Promise<void>;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

const EVERY_MS = 200;

/** Runs until stopped. Two relays may tell twice: workflows and readers take that. */
export function startRelay(store: Store, ports: RelayPorts): { stop(): Promise<void> } {
  let stopped = false;
  const running = (async () => {
    while (!stopped) {
      // One outbox that can not be emptied must not stop the other.
      for (const relay of [relayIncidents, relayNotices]) {
        try {
          await relay(store, ports);
        } catch (error) {
          ports.log('relay-failed', { error: (error as Error).message });
        }
      }
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}

async function relayIncidents(store: Store, ports: RelayPorts): Promise<void> {
  for (const incident of await incidentsToRelay(store)) {
    // A campaign's or tenant's incident has no address: evaluations see its hold.
    if (incident.address !== null)
      await ports.incident(incident.address, { incident: incident.id, cause: incident.cause });
    await markRelayed(store, [incident.id]);
  }
}

async function relayNotices(store: Store, ports: RelayPorts): Promise<void> {
  for (const notice of await noticesToSend(store)) {
    await ports.notice(notice);
    await markSent(store, [notice.id]);
  }
}
