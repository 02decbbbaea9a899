/** What a listener allows where nobody says otherwise. Every figure can be changed under `mta.limits`. */

/** Limits of each SMTP listener, and of each MTA process. */
export interface InjectionLimits {
  /** Connections a listener of one process keeps open at once. */
  readonly clients: number;
  /** The same from one address. */
  readonly perAddress: number;
  /** Recipients of one message; RFC 5321 §4.5.3.1.8 asks for at least 100. */
  readonly recipients: number;
  /** ms a client may be silent. RFC 5321 §4.5.3.2.7 recommends 5 min; applications are faster than people. */
  readonly idle: number;
  /** ms a client has to sign in, where it must. */
  readonly signIn: number;
  /** ms a connection may last: who drips one byte a minute is never idle. */
  readonly session: number;
  /** Messages of one connection, so that clients spread over processes that were started later. */
  readonly messagesPerConnection: number;
}

export const INJECTION_LIMITS: InjectionLimits = {
  clients: 500,
  perAddress: 200,
  recipients: 1_000,
  idle: 120_000,
  signIn: 60_000,
  session: 3_600_000,
  messagesPerConnection: 10_000,
};

/** Bytes of messages that one process may be reading at once. */
export const MAX_READING_BYTES = 256_000_000;
