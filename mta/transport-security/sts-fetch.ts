/** Fetches an MTA-STS policy file (RFC 8461 §3.3): over HTTPS from the domain's own host, with a certificate that is checked. */
import https from 'node:https';
import { domainToASCII } from 'node:url';

export interface StsFetchOptions {
  /** 443, another only in tests. */
  readonly port: number;
  /** PEM of what signs the certificate; absent: the roots Node brings. Tests only. */
  readonly ca?: string | undefined;
  /** Where the policy host is. Rejects if DNS did not answer; none: there is no such host. */
  readonly addressesOf: (host: string) => Promise<readonly string[]>;
}

/** RFC 8461 §3.3 suggests both bounds. */
const MOST_BYTES = 64 * 1_024;
const MOST_MS = 60_000;

/** Text of the domain's policy file. Rejects with what is wrong: no redirect is followed, no other type is taken. */
export async function fetchStsPolicy(domain: string, options: StsFetchOptions): Promise<string> {
  const host = `mta-sts.${domainToASCII(domain)}`;
  const [ip] = await options.addressesOf(host);
  if (ip === undefined) throw new Error(`${host} has no address`);
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      reject(error);
      request.destroy();
    };
    const request = https.get(
      {
        host: ip,
        servername: host,
        port: options.port,
        path: '/.well-known/mta-sts.txt',
        headers: { Host: host, 'User-Agent': 'rampart' },
        agent: false,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
      },
      (response) => {
        response.on('error', fail);
        if (response.statusCode !== 200) return fail(new Error(`${host} answered ${response.statusCode}`));
        const type = response.headers['content-type'] ?? '';
        if (!/^text\/plain\s*(;|$)/i.test(type))
          return fail(new Error(`${host} sent ${type || 'no type'}, not text/plain`));
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > MOST_BYTES) fail(new Error(`${host} sent more than ${MOST_BYTES} bytes`));
        });
        response.on('end', () => (response.complete ? resolve(text) : fail(new Error(`${host} broke off`))));
      },
    );
    // Of the whole exchange: a server that sends a byte a minute must not be waited for.
    const timer = setTimeout(() => fail(new Error(`${host} took longer than ${MOST_MS} ms`)), MOST_MS);
    request.on('error', fail).on('close', () => clearTimeout(timer));
  });
}
