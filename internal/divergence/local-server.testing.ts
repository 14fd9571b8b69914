import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { onTestFinished, vi } from "vitest";
import { createHttp, type HttpOptions, type Request } from "./http.ts";

export interface Received {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface LocalServer {
  readonly url: string;
  readonly received: readonly Received[];
  /** Ends when so many requests have come. */
  readonly receives: (count: number) => Promise<void>;
  /** Ends when every answer that was begun has been sent or given up. */
  readonly rests: () => Promise<void>;
}

/** Answers one request; `index` counts them from 0. */
export type Handler = (request: Received, response: ServerResponse, index: number) => void;

/** A server of this machine, closed with the test. */
export async function serve(handler: Handler): Promise<LocalServer> {
  const received: Received[] = [];
  let answering = 0;
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "", "http://127.0.0.1");
    const body = await text(request);
    const { method = "", headers } = request;
    received.push({ method, url, headers, body });
    answering++;
    response.once("close", () => answering--);
    handler({ method, url, headers, body }, response, received.length - 1);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    receives: (count) => until(() => received.length >= count),
    rests: () => until(() => answering === 0),
  };
}

async function until(holds: () => boolean): Promise<void> {
  await vi.waitUntil(holds, { interval: 2, timeout: 5_000 });
}

/** Requests with short waits. */
export function quickHttp(options: Partial<HttpOptions> = {}): Request {
  return createHttp({ requestsPerMinute: 1_000, timeoutMs: 2_000, backoffMs: 2, ...options });
}

/** A signal that never aborts. */
export const NEVER: AbortSignal = new AbortController().signal;
