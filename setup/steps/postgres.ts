import path from 'node:path';
import { providePostgres } from '../../store/embedded/binaries.ts';
import type { Step } from './step.ts';

export const postgresStep: Step = {
  name: 'PostgreSQL',
  why: 'holds everything that must last; copied out of node_modules so that an unprivileged account can run it',
  run: async () => (process.env.DATABASE_URL ? 'uses the one in DATABASE_URL' : path.dirname(await providePostgres())),
};
