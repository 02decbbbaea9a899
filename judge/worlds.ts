/** The worlds that are shipped. Harm begins on day 15 unless a judge moves it. */
import { parseWorld, type World, type WorldEvent } from './world.ts';

interface Named {
  readonly name: string;
  readonly says: string;
  readonly events: readonly Partial<WorldEvent>[];
}

/** Share of a dead list that does not exist, where nobody says another. */
const DEAD = 0.2;

/** Where one provider is meant: one of eight, neither the largest nor the smallest. */
const ONE = 'yahoo';

const HARMS: readonly Named[] = [
  {
    name: 'complaints-all',
    says: 'six times the usual complaints everywhere: a new list nobody asked for',
    events: [{ metric: 'complaint', factor: 6 }],
  },
  {
    name: 'complaints-one',
    says: 'six times the usual complaints at one provider',
    events: [{ metric: 'complaint', factor: 6, lanes: [ONE] }],
  },
  {
    name: 'dead-list',
    says: 'one recipient in five does not exist: an old list',
    events: [{ metric: 'hard-bounce', rate: DEAD }],
  },
  {
    name: 'clampdown',
    says: 'one provider defers one message in five',
    events: [{ metric: 'deferral', rate: 0.2, lanes: [ONE] }],
  },
  {
    name: 'blocks',
    says: 'one message in fifty is refused for reputation everywhere',
    events: [{ metric: 'block', rate: 0.02 }],
  },
];

const HEALTHY: Named = { name: 'healthy', says: 'nothing goes wrong more often than it should', events: [] };

/** Names of the worlds in which something goes wrong. */
export const HARM_NAMES: readonly string[] = HARMS.map(({ name }) => name);
export const WORLDS: readonly { readonly name: string; readonly says: string }[] = [HEALTHY, ...HARMS];

export interface WorldChoice {
  /** First day of the harm; default 15. */
  readonly fromDay?: number;
  /** How much campaigns differ; default 0.5. */
  readonly cv?: number;
  /** Share of `dead-list` that does not exist; default 0.2. */
  readonly dead?: number | undefined;
}

/** A shipped world, or undefined where none is called so. */
export function worldNamed(name: string, { fromDay = 15, cv = 0.5, dead = DEAD }: WorldChoice = {}): World | undefined {
  const found = [HEALTHY, ...HARMS].find((one) => one.name === name);
  if (found === undefined) return undefined;
  const events = found.events.map((one) => ({
    ...one,
    ...(one.metric === 'hard-bounce' ? { rate: dead } : {}),
    fromDay,
  }));
  return parseWorld({ name, says: found.says, cv, events }, name);
}
