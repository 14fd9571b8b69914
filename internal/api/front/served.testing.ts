import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { stopwatch } from "../../obs/clock.ts";
import { listen } from "../../obs/ops-server.ts";
import { openTestApi, type TestApi, type TestApiOptions } from "../v1/api.testing.ts";
import { type FrontSettings, withFront } from "./front.ts";
import { makeRateLimiter, type RateLimiter } from "./rate-limit.ts";

const OPEN: FrontSettings = { keys: [], rateLimitPerMinute: 0, trustedProxies: [], corsOrigins: [] };

export interface ServedTestApi extends TestApi {
  readonly port: number;
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** A test's API behind its front, on a socket. */
export async function serveTestApi({
  front = {},
  limiter = makeRateLimiter(stopwatch, null),
  requestTimeoutSeconds = 10,
  ...options
}: TestApiOptions & {
  readonly front?: Partial<FrontSettings>;
  readonly limiter?: RateLimiter;
  readonly requestTimeoutSeconds?: number;
}): Promise<ServedTestApi> {
  const api = openTestApi(options);
  const served = withFront(api.app, { ...OPEN, ...front }, { limiter, stopwatch });
  const { port, close } = await listen(served, { host: "127.0.0.1", port: 0 }, { requestTimeoutSeconds });
  return { ...api, port, url: `http://127.0.0.1:${port}`, close };
}

/** A connection that sends a text as it is. */
export async function sendRaw(port: number, text: string | Buffer): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(text);
  return socket;
}

/** All that the other side sends until it closes. */
export async function readToEnd(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}
