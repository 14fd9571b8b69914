import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createHttpReader, type HttpReader, readText } from "../http/client.ts";
import { HttpError } from "../http/http-error.ts";
import type { VenueAsk, VenueDownload, VenueGet } from "./connector.ts";
import { VenueRefused, VenueThrottled } from "./failures.ts";

/** Ways to ask a venue. */
export interface VenueRequests {
  readonly get: VenueGet;
  readonly ask: VenueAsk;
  readonly download: VenueDownload;
}

/** Binance answers 418 to an address that went on after 429. */
const THROTTLING = new Set([418, 429]);
const REFUSING = new Set([400, 404, 422]);
const NOT_MODIFIED = 304;
const NOT_FOUND = 404;
const MAX_BYTES = 2 ** 24;
/** A day of a busy market has a hundred megabytes. */
const DOWNLOAD_MS = 900_000;

/** Shared by the process. */
const requestFile = createHttpReader({
  ...{ requestsPerMinute: 600, retries: 0, timeoutMs: DOWNLOAD_MS, totalTimeoutMs: DOWNLOAD_MS },
});

/**
 * Returns how a venue is asked: each request waits for a token of the host's pace.
 * @param takeToken waits until one more request may be sent
 */
export function makeVenueRequests(
  request: HttpReader,
  takeToken: () => Promise<void>,
  signal: AbortSignal,
): VenueRequests {
  async function send<T>(
    url: URL,
    headers: Readonly<Record<string, string>>,
    read: (response: Response) => Promise<T>,
    json?: string,
  ): Promise<T> {
    await takeToken();
    const accept = "application/json";
    try {
      const parts = json === undefined ? {} : { method: "POST", body: json };
      const type = json === undefined ? {} : { "content-type": accept };
      return await request(url, { ...parts, headers: { accept, ...type, ...headers } }, signal, read);
    } catch (error) {
      throw venueFailure(error);
    }
  }
  return {
    get: (url, headers = {}, json) => send(url, headers, (response) => readText(url.host, response, MAX_BYTES), json),
    ask: async (url, headers) => {
      try {
        return await send(url, headers, async (response) => ({
          text: await readText(url.host, response, MAX_BYTES),
          unless: versionOf(response.headers),
        }));
      } catch (error) {
        if (error instanceof HttpError && error.status === NOT_MODIFIED) return null;
        throw error;
      }
    },
    download: async (url, path) => {
      await takeToken();
      try {
        await requestFile(url, {}, signal, async ({ body }) => {
          await pipeline(body === null ? Readable.from([]) : Readable.fromWeb(body), createWriteStream(path), {
            signal,
          });
        });
        return true;
      } catch (error) {
        if (error instanceof HttpError && error.status === NOT_FOUND) return false;
        throw venueFailure(error);
      }
    },
  };
}

function venueFailure(error: unknown): unknown {
  if (!(error instanceof HttpError) || error.status === null) return error;
  const asked = error.retryAfterMs > 0 ? Math.ceil(error.retryAfterMs / 1000) : null;
  const isWait = error.status === 503 && asked !== null;
  if (THROTTLING.has(error.status) || isWait) return new VenueThrottled(error.message, error.status, asked);
  return REFUSING.has(error.status) ? new VenueRefused(`${error.message}: ${error.body}`) : error;
}

function versionOf(headers: Headers): Record<string, string> {
  const [tag, modified] = [headers.get("etag"), headers.get("last-modified")];
  return { ...(tag && { "if-none-match": tag }), ...(modified && { "if-modified-since": modified }) };
}
