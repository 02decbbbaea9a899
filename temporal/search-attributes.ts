/** Registers what lists are searched by; harmless when it is there already. */
import type { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from './contracts.ts';

/** Values of temporal.api.enums.v1.IndexedValueType. */
const TYPES = { KEYWORD: 2, INT: 3, DATETIME: 6 } as const;

export async function registerSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.entries(SEARCH_ATTRIBUTES).filter(([name]) => !(name in (customAttributes ?? {})));
  if (missing.length === 0) return;
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map(([name, type]) => [name, TYPES[type]])),
  });
}
