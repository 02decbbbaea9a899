/**
 * Whose connection it is, for limits: a host with IPv6 has a whole /64 of addresses, and would be as many clients as it
 * likes.
 */
import { isIPv6 } from 'node:net';

/** An IPv4 address, or the first half of an IPv6 one. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...Array.from({ length: zeros }, () => '0'), ...right].slice(0, 4).join(':');
}

/** Connections by network, each told by a key of its own. */
export class NetworkCount<K> {
  readonly #most: number;
  readonly #counts = new Map<string, number>();
  readonly #counted = new Map<K, string>();

  /** `most`: connections one network may have. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Counts a connection in; false: its network has as many as it may. */
  add(key: K, address: string): boolean {
    const network = networkOf(address);
    const count = this.#counts.get(network) ?? 0;
    if (count >= this.#most) return false;
    this.#counts.set(network, count + 1);
    this.#counted.set(key, network);
    return true;
  }

  /** Counts it out again; one that was not counted changes nothing. */
  remove(key: K): void {
    const network = this.#counted.get(key);
    if (network === undefined) return;
    this.#counted.delete(key);
    const count = (this.#counts.get(network) ?? 1) - 1;
    if (count > 0) this.#counts.set(network, count);
    else this.#counts.delete(network);
  }
}
