import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import type { Markets } from "./market.ts";

/** A running stand-in of a venue. */
export interface StandIn {
  readonly source: string;
  /** Where it is reached, as in [[collect.endpoints]]. */
  readonly live: string;
  readonly rest: string;
  /** Where its files of whole days are; undefined where it has none. */
  readonly files?: string;
  readonly markets: Markets;
  /** Lets trades happen and, without faults, sends them. */
  readonly trade: (market: string, count?: number) => void;
  /** Sends a text as it is to everybody who is connected. */
  readonly say: (text: string) => void;
  /** Ends every connection; within a frame, if told so. */
  readonly cut: (isInFrame?: boolean) => void;
  readonly connections: () => number;
  /** How many requests have come for history. */
  readonly requests: () => number;
  readonly close: () => Promise<void>;
}

/** One venue's words. */
export interface Dialect {
  readonly source: string;
  readonly path?: string;
  readonly markets: Markets;
  /** Answers a request; returns nothing where there is no such path. */
  readonly answer: (
    url: URL,
    request: IncomingMessage,
  ) => { status?: number; body: unknown; headers?: Readonly<Record<string, string>> } | undefined;
  /** Answers a message of a client. */
  readonly receive: (text: string, client: Client) => void;
  /** Said to who has connected. */
  readonly greet?: (client: Client) => void;
  /** The message of a trade. */
  readonly told: (trade: ReturnType<Markets["happen"]>) => string;
  /** Said every second to each client. */
  readonly beat?: (client: Client) => void;
}

export interface Client {
  readonly subscribed: Set<string>;
  readonly send: (message: unknown) => void;
}

/** The beginning of a text frame of 256 bytes, and none of these. */
const BROKEN_FRAME = Buffer.from([0x81, 0x7e, 0x01, 0x00, 0x7b]);

/** Starts a stand-in that speaks by WebSocket and answers requests, both on one port. */
export async function startStandIn(dialect: Dialect): Promise<StandIn> {
  const { markets, source, path = "/" } = dialect;
  const { faults } = markets;
  const clients = new Map<WebSocket, Client>();
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    respond(dialect, request, response);
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    if (faults.maintenance) {
      socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      const subscribed = new Set<string>();
      const each: Client = {
        subscribed,
        send: (message) => {
          if (!faults.stall) client.send(typeof message === "string" ? message : JSON.stringify(message));
        },
      };
      clients.set(client, each);
      client.on("message", (data) => {
        if (!faults.stall) dialect.receive(data.toString(), each);
      });
      client.on("close", () => clients.delete(client));
      client.on("error", () => {});
      dialect.greet?.(each);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const beating = setInterval(() => {
    for (const client of clients.values()) dialect.beat?.(client);
  }, 1000);
  let held: (() => void) | null = null;

  function tell(trade: ReturnType<Markets["happen"]>): void {
    const send = (): void => {
      for (const client of clients.values()) {
        if (!client.subscribed.has(trade.market)) continue;
        client.send(dialect.told(trade));
        if (faults.duplicates) client.send(dialect.told(trade));
      }
    };
    if (faults.outOfOrder && held === null) {
      held = send;
      return;
    }
    send();
    held?.();
    held = null;
  }

  return {
    ...{ source, markets, live: `ws://127.0.0.1:${port}${path}`, rest: `http://127.0.0.1:${port}` },
    trade: (market, count = 1) => {
      for (let done = 0; done < count; done++) {
        const trade = markets.happen(market);
        if (!faults.hole) tell(trade);
      }
    },
    say: (text) => {
      for (const client of clients.values()) client.send(text);
    },
    cut: (isInFrame = false) => {
      for (const client of clients.keys()) {
        const socket = (client as unknown as { _socket: { write(data: Buffer): void; destroy(): void } })._socket;
        if (isInFrame) socket.write(BROKEN_FRAME);
        setTimeout(() => socket.destroy(), isInFrame ? 20 : 0);
      }
    },
    connections: () => clients.size,
    requests: () => requests,
    close: async () => {
      clearInterval(beating);
      for (const client of clients.keys()) client.terminate();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

export function respond(
  dialect: Pick<Dialect, "markets" | "answer">,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { faults } = dialect.markets;
  if (faults.maintenance) return void response.writeHead(503).end("maintenance");
  if (faults.throttled > 0) {
    faults.throttled--;
    return void response.writeHead(429, { "Retry-After": "1" }).end("slow down");
  }
  const {
    status = 200,
    body,
    headers,
  } = dialect.answer(new URL(request.url ?? "/", "http://localhost"), request) ?? {
    status: 404,
    body: { message: "NotFound" },
  };
  response
    .writeHead(status, { "content-type": "application/json", ...headers })
    .end(typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body));
}
