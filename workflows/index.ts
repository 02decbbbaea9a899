/** Every workflow a worker offers. */
export { address } from './address.ts';
export { cutover } from './cutover.ts';
export { migration } from './migration.ts';
export { range } from './range.ts';
export { watch } from './watch.ts';
