import type { HttpClient } from "../http/client.ts";
import { HttpError } from "../http/http-error.ts";
import type { VenueGet } from "./connector.ts";
import { VenueRefused, VenueThrottled } from "./failures.ts";

/** Binance answers 418 to an address that went on after 429. */
const THROTTLING = new Set([418, 429]);
const REFUSING = new Set([400, 404, 422]);

/**
 * Returns how a venue is asked: each request waits for a token of the host's pace.
 * @param takeToken waits until one more request may be sent
 */
export function makeVenueGet(request: HttpClient, takeToken: () => Promise<void>, signal: AbortSignal): VenueGet {
  return async (url, headers = {}, json) => {
    await takeToken();
    const accept = "application/json";
    try {
      if (json === undefined) return await request(url, { headers: { accept, ...headers } }, signal);
      const post = { method: "POST", headers: { accept, "content-type": accept, ...headers }, body: json };
      return await request(url, post, signal);
    } catch (error) {
      if (!(error instanceof HttpError) || error.status === null) throw error;
      const asked = error.retryAfterMs > 0 ? Math.ceil(error.retryAfterMs / 1000) : null;
      const isWait = error.status === 503 && asked !== null;
      if (THROTTLING.has(error.status) || isWait) throw new VenueThrottled(error.message, error.status, asked);
      if (REFUSING.has(error.status)) throw new VenueRefused(`${error.message}: ${error.body}`);
      throw error;
    }
  };
}
