/** Waiting with an end. */
import { getCACertificates } from 'node:tls';

/** Waits for `work`, but no longer than `ms`, until it is stopped, or until `ended` rejects. */
export async function bounded<T>(
  work: Promise<T>,
  options: {
    readonly ms: number;
    readonly signal: AbortSignal;
    readonly late: string;
    readonly ended?: Promise<never>;
  },
): Promise<T> {
  const { ms, signal, late, ended } = options;
  work.catch(() => {});
  const time = AbortSignal.timeout(ms);
  const stop = AbortSignal.any([signal, time]);
  let onAbort = () => {};
  const stopped = new Promise<never>((_, reject) => {
    onAbort = () => reject(new Error(time.aborted ? `${late} within ${ms / 1_000} s` : 'stopped'));
    if (stop.aborted) onAbort();
    else stop.addEventListener('abort', onAbort, { once: true });
  });
  stopped.catch(() => {});
  try {
    return await Promise.race([work, stopped, ...(ended === undefined ? [] : [ended])]);
  } finally {
    stop.removeEventListener('abort', onAbort);
  }
}

/** Certificates to trust when `ca` (PEM) is to be trusted besides those Node trusts anyway. */
export function trusting(ca: string | undefined): { readonly ca?: string[] } {
  return ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] };
}
