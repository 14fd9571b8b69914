import { setTimeout as sleep } from "node:timers/promises";
import type { Connector } from "../../collect/connector.ts";
import { accessOf } from "../../collect/declare.ts";
import type { Endpoint } from "../../collect/feed.ts";
import { makeVenueRequests, type VenueRequests } from "../../collect/venue-get.ts";
import { createHttpReader } from "../../http/client.ts";
import { grantTokens } from "../../storage/control/tokens.ts";
import type { KindContext } from "../kind.ts";

/**
 * Shared by the jobs of this process. The ledger's tokens are the pace of a host; this one's own is far above. A failed request is not
 * repeated here: the ledger repeats the job, and all workers slow down.
 */
const request = createHttpReader({ requestsPerMinute: 6000, retries: 0, timeoutMs: 15_000 });

/** Returns where a source is reached, and how it is asked: each request after the first takes a token of the job's host. */
export function venueAccess(
  { database, config, tenant, job }: KindContext,
  connector: Connector,
  source: string,
  signal: AbortSignal,
): VenueRequests & { readonly endpoint: Endpoint } {
  // The claim has taken one.
  let isFirst = true;
  async function takeToken(): Promise<void> {
    if (isFirst) {
      isFirst = false;
      return;
    }
    for (;;) {
      signal.throwIfAborted();
      const granted = await grantTokens(database.sql, tenant, { ...job, tokens: 1 });
      if (granted === null) throw new Error("the lease is lost");
      if (granted.granted > 0) return;
      await sleep(Math.max(0.05, granted.waitSeconds) * 1000, undefined, { signal });
    }
  }
  return {
    endpoint: accessOf(connector, source, config.collect),
    ...makeVenueRequests(request, takeToken, signal),
  };
}
