/** What a configuration limits. It is told without one too: a broken file must not keep anybody from an answer. */
import { DEFAULTS } from '../../policy/defaults.ts';
import { type Invocation, text } from '../command.ts';
import { loadConfig } from '../config/load.ts';
import type { Configured } from './gather.ts';

export interface ConfiguredLimits {
  readonly configured: Configured;
  readonly tenantShare: number;
  /** Why these are the shipped ones, where the file can not be read. */
  readonly note?: string;
}

export async function configuredLimits(invocation: Invocation): Promise<ConfiguredLimits> {
  try {
    const { mta } = await loadConfig({ file: text(invocation, 'config'), env: invocation.env });
    const { shaping, delivery, tenantShare = DEFAULTS.tenantShare } = mta;
    return { configured: { shaping, ...(delivery && { tls: delivery.tls }) }, tenantShare };
  } catch (error) {
    const first = (error as Error).message.split('\n')[0];
    const note = `the configuration can not be read (${first}): connection limits are the shipped ones`;
    return { configured: { shaping: {} }, tenantShare: DEFAULTS.tenantShare, note };
  }
}
