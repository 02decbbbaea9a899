/** How a worker asks DNS lists: by the resolvers mail goes by, with the answers of one round kept for that round. */
import type { ListingPort } from '../../activities/deps.ts';
import { isPublic } from '../../policy/ranges/expand.ts';
import { openDns } from '../preflight/dns.ts';
import type { SpecDnsbls } from './spec.ts';

export function listingPort({ lists, unseen }: SpecDnsbls, resolvers: readonly string[]): ListingPort {
  return {
    lists,
    covers: (address) => unseen || isPublic(address),
    open: () => {
      const dns = openDns(resolvers);
      return (name) => dns.addresses(name);
    },
  };
}
