import { connect } from "node:net";
import { quantileSorted } from "simple-statistics";
import { stopwatch } from "../internal/lib/clock.ts";
import type { Load, LoadOrder } from "./serving-orders.ts";

// A separate process that sends requests as fast as it gets answers. It only reads their status and length.

process.on("message", (order: LoadOrder) => {
  void ask(order).then((load) => process.send?.(load));
});
process.on("disconnect", () => process.exit());

async function ask(order: LoadOrder): Promise<Load> {
  const first = await fetch(`http://127.0.0.1:${order.port}${order.path}`);
  const { length } = await first.text();
  const condition = order.isConditional ? `If-None-Match: ${first.headers.get("ETag")}\r\n` : "";
  const status = order.isConditional ? 304 : 200;
  const request = `GET ${order.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${condition}\r\n`;
  const times: number[] = [];
  const started = stopwatch();
  const isOver = (): boolean => times.length >= order.mostRequests || stopwatch() - started >= order.seconds;
  await Promise.all(
    Array.from({ length: order.connections }, () => repeat(order.port, request, { times, status, isOver })),
  );
  const seconds = stopwatch() - started;
  times.sort((a, b) => a - b);
  return {
    requests: times.length,
    requestsPerSecond: times.length / seconds,
    p50Ms: quantileSorted(times, 0.5),
    p99Ms: quantileSorted(times, 0.99),
    length,
    status,
  };
}

/** Sends requests on one connection, one after another. */
function repeat(
  port: number,
  request: string,
  { times, status, isOver }: { times: number[]; status: number; isOver: () => boolean },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let sent = 0;
    let answer = "";
    const next = (): void => {
      sent = stopwatch();
      socket.write(request);
    };
    socket.setEncoding("latin1");
    socket.on("connect", next);
    socket.on("error", reject);
    socket.on("data", (data: string) => {
      answer += data;
      if (!isComplete(answer)) return;
      times.push((stopwatch() - sent) * 1000);
      if (!answer.startsWith(`HTTP/1.1 ${status} `)) reject(new Error(`answered ${answer.slice(0, 40)}`));
      answer = "";
      if (!isOver()) return next();
      socket.end();
      resolve();
    });
  });
}

function isComplete(answer: string): boolean {
  const head = answer.indexOf("\r\n\r\n");
  if (head === -1) return false;
  const at = answer.search(/\r\ncontent-length: /i);
  const length = at === -1 || at > head ? 0 : Number.parseInt(answer.slice(at + 18, at + 28), 10);
  return answer.length >= head + 4 + length;
}
