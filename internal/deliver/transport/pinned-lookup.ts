import { lookup } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";

/** Returns the addresses of a host. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** No address of the host may be connected to. */
export class AddressRefused extends Error {
  override readonly name = "AddressRefused";
}

/** Asks the system, as any connection does. */
export const systemResolve: Resolve = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

/**
 * Returns the lookup of a connection, which then connects to the very addresses that were checked: a second answer of the
 * name server (DNS rebinding) is never asked for. Of several addresses those that are refused are left out.
 */
export function pinnedLookup(resolve: Resolve, isAllowed: (address: string) => boolean): LookupFunction {
  return (host, { all = false }, callback) => {
    resolve(host).then(
      (addresses) => {
        const allowed = addresses.filter(isAllowed).map((address) => ({ address, family: isIP(address) }));
        const [first] = allowed;
        if (first === undefined) callback(refusalOf(host, addresses), "");
        else if (all) callback(null, allowed);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ""),
    );
  };
}

/** The error for a host whose addresses are all refused. */
export function refusalOf(host: string, addresses: readonly string[]): AddressRefused {
  const named = addresses.slice(0, 3).join(", ");
  return new AddressRefused(
    `${host} has no address that may be connected to (${named}); a private one, or any over http, needs its range in allow`,
  );
}
