import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A destination of tests, which answers over HTTP on this machine. */
export interface TestReceiver {
  readonly url: string;
  /** The bodies of requests that were answered well, in order. */
  readonly got: readonly Received[];
  readonly requests: () => number;
  readonly close: () => Promise<void>;
}

export interface Received {
  readonly headers: IncomingMessage["headers"];
  readonly body: Readonly<Record<string, unknown>>;
}

/** Answers a request, and returns whether it was well received. */
export type Answer = (response: ServerResponse, request: number) => boolean;

/** Starts a destination. @param answer is given the number of the request, from 0 */
export async function startReceiver(answer: Answer): Promise<TestReceiver> {
  const got: Received[] = [];
  let requests = 0;
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(parts).toString()) as Received["body"];
      if (answer(response, requests++)) got.push({ headers: request.headers, body });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    got,
    requests: () => requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Takes everything. */
export const takes: Answer = (response) => {
  response.writeHead(204).end();
  return true;
};

/** A GraphQL API that bears so many requests a second: beyond them it answers 200 with an error, as many do. */
export function graphqlApi(perSecond: number, now: () => number): Answer {
  let [second, taken] = [0, 0];
  return (response, request) => {
    const current = Math.floor(now() / 1000);
    if (current !== second) [second, taken] = [current, 0];
    const isThrottled = ++taken > perSecond;
    const answer = isThrottled
      ? { data: null, errors: [{ message: "Too many requests", extensions: { code: "THROTTLED" } }] }
      : { data: { createItem: { id: String(request) } } };
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(answer));
    return !isThrottled;
  };
}
