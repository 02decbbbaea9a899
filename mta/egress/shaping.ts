/** Limits per provider: how many connections a lane keeps in one process, and how much mail rides on each. */

export interface Shape {
  /** Connections of one lane in one process. */
  readonly connections: number;
  readonly messagesPerConnection: number;
}

/** KumoMTA's shipped shaping and providers' published limits, split for several processes; `other` is cautious. */
const SHAPES: Readonly<Record<string, Shape>> = {
  google: { connections: 5, messagesPerConnection: 50 },
  'microsoft-consumer': { connections: 3, messagesPerConnection: 50 },
  'microsoft-365': { connections: 3, messagesPerConnection: 50 },
  yahoo: { connections: 5, messagesPerConnection: 20 },
  apple: { connections: 4, messagesPerConnection: 5 },
};
const OTHER: Shape = { connections: 4, messagesPerConnection: 50 };

export function shapeOf(provider: string): Shape {
  return SHAPES[provider] ?? OTHER;
}
