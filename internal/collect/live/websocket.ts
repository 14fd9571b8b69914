import WebSocket from "ws";
import type { Wire, WireListener } from "./wire-events.ts";

const MAX_MESSAGE_BYTES = 2 ** 22;
const HANDSHAKE_MS = 10_000;

/** Opens a WebSocket (RFC 6455). Pings of the server are answered by the library. */
export function openWebSocket(url: URL, listener: WireListener): Wire {
  const socket = new WebSocket(url, {
    handshakeTimeout: HANDSHAKE_MS,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    followRedirects: false,
  });
  let reason: string | null = null;
  let retryAfter = 0;
  socket.on("open", listener.onOpen);
  socket.on("message", (data, isBinary) => {
    if (isBinary) reason = "it sent a binary message";
    if (isBinary) socket.terminate();
    else listener.onText(data.toString());
  });
  socket.on("ping", () => listener.onFrame(false));
  socket.on("pong", () => listener.onFrame(true));
  socket.on("unexpected-response", (request, response) => {
    const asked = Number(response.headers["retry-after"]);
    retryAfter = Number.isFinite(asked) && asked > 0 ? asked : 0;
    reason = `${url.host} answered with HTTP status ${response.statusCode}`;
    request.destroy();
    // The library leaves the rest to who listens to this event.
    socket.terminate();
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    reason ??= `the connection to ${url.host} failed (${error.code ?? error.message})`;
  });
  socket.on("close", (code) => listener.onEnd(reason ?? `${url.host} closed the connection (${code})`, retryAfter));
  return {
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    ping: () => {
      if (socket.readyState === WebSocket.OPEN) socket.ping();
    },
    close: () => socket.terminate(),
  };
}
