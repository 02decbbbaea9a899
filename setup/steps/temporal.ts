import { provisionTemporal } from '../../temporal/server/provision.ts';
import type { Step } from './step.ts';

export const temporalStep: Step = {
  name: 'Temporal server',
  why: 'runs the plans of weeks and survives every restart',
  run: (log) => provisionTemporal({ log }),
};
