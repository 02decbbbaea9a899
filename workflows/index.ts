/** Every workflow a worker offers. */
export { address } from './address.ts';
export { range } from './range.ts';
export { watch } from './watch.ts';
