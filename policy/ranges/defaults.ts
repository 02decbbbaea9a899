/** Figures of ranges and of the joint budget, in one place; their sources stand in docs/ranges.md. */
export const RANGE = {
  /** Addresses one command may name: a /24. More is a plan for a quarter, not a command. */
  mostAddresses: 256,
  /** Messages a day that a pool's cold lanes may always send to one provider together: too few to be a jump. */
  jointFloor: 500,
  /** Send windows in which the best day is looked for. */
  lookbackWindows: 7,
} as const;
