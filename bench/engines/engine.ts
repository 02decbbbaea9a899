/** What is compared: something that takes mail on a port of loopback and hands it to the sink. */
export interface Engine {
  readonly name: string;
  readonly port: number;
  /** Largest resident memory of one of its processes so far, MB; null where that says nothing. */
  readonly peakMegabytes: () => number | null;
  /** Its processes, but for the database they share. */
  readonly pids: () => readonly (number | undefined)[];
  /** It keeps its mail in PostgreSQL. */
  readonly usesDatabase: boolean;
  stop(): Promise<void>;
}

/** Where an engine delivers to. */
export interface Target {
  readonly ip: string;
  readonly port: number;
  readonly domain: string;
}

/** Connections to the sink each engine may keep open: the same for all. */
export const CONNECTIONS = 128;
