import type { RampartConfig } from './schema.ts';

export type { RampartConfig } from './schema.ts';

/** Types a configuration while it is written: `export default defineConfig({ pools: … })`. Returns it unchanged. */
export function defineConfig(config: RampartConfig): RampartConfig {
  return config;
}
