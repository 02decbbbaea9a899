/** Every workflow a worker offers. */
export { address } from './address.ts';
export { watch } from './watch.ts';
