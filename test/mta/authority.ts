/** A certificate authority of a test, and the certificates it issues, made with openssl. */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  readonly x509: X509Certificate;
}

export class Authority {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'rampart-ca-'));
  /** PEM of the authority's certificate. */
  readonly pem: string;
  #count = 0;

  constructor() {
    // biome-ignore format: one option beside its value
    this.#openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30',
      '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test Authority',
      '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
    this.pem = readFileSync(path.join(this.#folder, 'ca.pem'), 'utf8');
  }

  /** A certificate for these names, valid for so many days from now; -1: it expired yesterday. */
  issue(names: readonly string[], days = 30): Certificate {
    const n = ++this.#count;
    // biome-ignore format: one option beside its value
    this.#openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${n}.key`,
      '-out', `${n}.csr`, '-subj', `/CN=${names[0]}`);
    const extensions = `subjectAltName=${names.map((name) => `${isIP(name) === 0 ? 'DNS' : 'IP'}:${name}`).join(',')}\nbasicConstraints=CA:FALSE\n`;
    writeFileSync(path.join(this.#folder, `${n}.ext`), extensions);
    // biome-ignore format: one option beside its value
    this.#openssl('x509', '-req', '-in', `${n}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial',
      '-extfile', `${n}.ext`, '-out', `${n}.pem`, '-days', String(days));
    const cert = readFileSync(path.join(this.#folder, `${n}.pem`), 'utf8');
    return { cert, key: readFileSync(path.join(this.#folder, `${n}.key`), 'utf8'), x509: new X509Certificate(cert) };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #openssl(...args: readonly string[]): void {
    execFileSync('openssl', args, { cwd: this.#folder, stdio: 'pipe' });
  }
}
