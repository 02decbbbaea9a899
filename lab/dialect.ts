/**
 * How each provider words its answers. The texts are those seen in the field (collected in bounce corpora and vendors' rule
 * sets), with the sender's address where the real ones have it.
 */
import { apple } from './dialect-apple.ts';
import { google } from './dialect-google.ts';
import { microsoft365, microsoftConsumer } from './dialect-microsoft.ts';
import { gateway, other } from './dialect-other.ts';
import type { Dialect } from './dialect-parts.ts';
import { yahoo } from './dialect-yahoo.ts';
import type { ProviderSpec } from './scenario-provider.ts';

export const DIALECTS: Readonly<Record<ProviderSpec['dialect'], Dialect>> = {
  google,
  'microsoft-consumer': microsoftConsumer,
  'microsoft-365': microsoft365,
  yahoo,
  apple,
  gateway,
  other,
};
