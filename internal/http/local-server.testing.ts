import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { onTestFinished, vi } from "vitest";
import { createHttpClient, type HttpClient, type HttpClientOptions } from "./client.ts";

export interface Received {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface LocalServer {
  readonly url: string;
  readonly received: readonly Received[];
  /** Resolves when this number of requests has arrived. */
  readonly receives: (count: number) => Promise<void>;
  /** Resolves when every started answer has been sent or aborted. */
  readonly rests: () => Promise<void>;
}

/** Answers one request; `index` counts requests from 0. */
export type Handler = (request: Received, response: ServerResponse, index: number) => void;

/** A local server, which is closed when the test ends. */
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

/** Creates a client with short waits. */
export function quickHttp(options: Partial<HttpClientOptions> = {}): HttpClient {
  return createHttpClient({ requestsPerMinute: 1_000, timeoutMs: 2_000, backoffMs: 2, ...options });
}

/** A signal that never aborts. */
export const NEVER: AbortSignal = new AbortController().signal;

export const fine: Handler = (_request, response) => response.end("fine");
export const silent: Handler = () => {};

export function status(code: number, headers: Record<string, string> = {}): Handler {
  return (_request, response) => response.writeHead(code, headers).end("no");
}
