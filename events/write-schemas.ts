/** Writes docs/events.schema.json from the code that builds events. Run it when a schema changed; a test compares them. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { eventSchemas } from './schemas.ts';

const file = path.join(import.meta.dirname, '..', 'docs', 'events.schema.json');
writeFileSync(file, `${JSON.stringify(eventSchemas(), null, 2)}\n`);
console.log(`wrote ${file}`);
