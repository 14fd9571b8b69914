import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { problemOf } from "../api/failure.ts";
import { openTestApi, type TestApi, type TestApiOptions } from "../api/v1/api.testing.ts";
import { stopwatch } from "../lib/clock.ts";
import { type AccessSettings, withAccessControl } from "./access-control.ts";
import { makeRateLimiter, type RateLimiter } from "./rate-limit.ts";
import { listen } from "./server.ts";

const OPEN: AccessSettings = { keys: [], rateLimitPerMinute: 0, trustedProxies: [], corsOrigins: [] };

export interface ServedTestApi extends TestApi {
  readonly port: number;
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** An API of one test behind its access control, on a socket. */
export async function serveTestApi({
  access = {},
  limiter = makeRateLimiter(stopwatch, null),
  requestTimeoutSeconds = 10,
  ...options
}: TestApiOptions & {
  readonly access?: Partial<AccessSettings>;
  readonly limiter?: RateLimiter;
  readonly requestTimeoutSeconds?: number;
}): Promise<ServedTestApi> {
  const api = openTestApi(options);
  const served = withAccessControl(api.app, { ...OPEN, ...access }, { server: "api", limiter, stopwatch, problemOf });
  const { port, close } = await listen(served, { host: "127.0.0.1", port: 0 }, { requestTimeoutSeconds });
  return { ...api, port, url: `http://127.0.0.1:${port}`, close };
}

/** Opens a connection and sends a raw text. */
export async function sendRaw(port: number, text: string | Buffer): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(text);
  return socket;
}

/** Returns everything that the peer sends until it closes. */
export async function readToEnd(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}
