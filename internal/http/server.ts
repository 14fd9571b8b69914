import { createServer, type ServerOptions } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { serializePipelined } from "./pipelining.ts";

export interface Listening {
  readonly host: string;
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** The most open connections of an HTTP server; further ones are refused. */
export const MAX_CONNECTIONS = 10_000;

const CLOSE_GRACE_MS = 3_000;

/**
 * Longer than proxies keep an idle connection, usually 60 s: the proxy must close it, as it may be sending a request
 * while this server closes.
 */
const KEEP_ALIVE_MS = 65_000;
const CHECK_CONNECTIONS_MS = 1_000;
const READ_GRACE_SECONDS = 5;

/** Where to listen. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** The configuration key of the address, such as `api.listen`, for error messages. */
  readonly key?: string;
}

/** The limits of a public server. */
export interface ClientLimits {
  /** Timeout for receiving a request, and for answering it. */
  readonly requestTimeoutSeconds: number;
}

type FetchCallback = Parameters<typeof getRequestListener>[0];

/** The app that answers requests. */
export interface Listener {
  readonly fetch: (request: Request, env: HttpBindings) => Response | Promise<Response>;
  /** Answers a request that could not be parsed, or an error that `fetch` throws. */
  readonly answerError?: (error: unknown) => Response;
}

/**
 * Serves an app at an address; `close` ends idle connections and waits a few seconds for running requests.
 * @param limits the limits for clients; default: those of Node.js
 * @throws Error that names the address, where it is in use or not one of this machine
 */
export function listen(
  { fetch, answerError }: Listener,
  { host, port, key }: Address,
  limits?: ClientLimits,
): Promise<Listening> {
  // The cast is safe: this server speaks HTTP/1 only.
  const answer = getRequestListener(
    fetch as FetchCallback,
    answerError === undefined ? {} : { errorHandler: answerError },
  );
  const answerNext = serializePipelined((incoming, outgoing) => {
    // HTTP/1.0 needs no Host header, and health checks of load balancers send none.
    if (incoming.httpVersion === "1.0") incoming.headers.host ??= "localhost";
    void answer(incoming, outgoing);
  });
  // By default Node.js itself answers a request without Host, or with an unknown Expect, out of order and past all
  // limits. Here the former is a malformed request like any other, and an unknown Expect is ignored.
  const server = createServer({ ...(limits && serverOptions(limits)), requireHostHeader: false }, answerNext);
  server.on("checkExpectation", answerNext);
  if (limits !== undefined) {
    server.maxConnections = MAX_CONNECTIONS;
    // Longer than any answer takes: a connection that is idle for so long is not reading its answer.
    server.timeout = (limits.requestTimeoutSeconds + READ_GRACE_SECONDS) * 1000;
  }
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => {
      const reason =
        error.code === "EADDRINUSE"
          ? "is already in use, perhaps by another process of this program"
          : `cannot be listened on (${error.code})`;
      reject(new Error(`${host}:${port} ${reason}; ${cureOf(key)}`));
    };
    server.once("error", refuse);
    server.listen(port, host, () => {
      server.off("error", refuse);
      resolve({
        host,
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((closed) => {
            // Node.js does not count a silent connection as idle, and would wait for it forever.
            const deadline = setTimeout(() => {
              server.closeAllConnections();
            }, CLOSE_GRACE_MS);
            server.close(() => {
              clearTimeout(deadline);
              closed();
            });
            server.closeIdleConnections();
          }),
      });
    });
  });
}

function cureOf(key: string | undefined): string {
  if (key === undefined) return "choose another address";
  const [table, name] = key.split(".");
  return `set another one with ${name} in [${table}], or with STELLARINDEX_${key.replace(".", "_").toUpperCase()}`;
}

function serverOptions({ requestTimeoutSeconds }: ClientLimits): ServerOptions {
  return {
    headersTimeout: requestTimeoutSeconds * 1000,
    requestTimeout: requestTimeoutSeconds * 1000,
    connectionsCheckingInterval: CHECK_CONNECTIONS_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
}
