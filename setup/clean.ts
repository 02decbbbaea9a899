import path from 'node:path';
import { removeEmbedded } from '../store/embedded/start.ts';
import { cacheDir } from './host/cache-dir.ts';

/** `make clean`, the part that needs Node: the database may run, and may lie outside the checkout. */
const removed = await removeEmbedded(path.join(import.meta.dirname, '..', '.rampart'));
if (removed) console.log(`removed the database in ${removed}`);
console.log(`kept ${cacheDir()} (PostgreSQL and the Temporal server, shared by all checkouts)`);
