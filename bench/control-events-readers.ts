import { connect } from "node:net";
import { quantile } from "simple-statistics";
import type { ReadersOrder, Received } from "./control-events.ts";

// A separate process that reads the events on many connections. It counts them, and looks at the times of some.

const EVENT = "event: transition";
const RESYNC = "event: resync";
const AT = /"at":"([^"]+)"/g;
/** One in so many readers looks at the times. */
const SAMPLED = 20;

let transitions = 0;
const dropped = new Set<number>();
const delays: number[] = [];

process.on("message", (message: ReadersOrder | "tell") => {
  if (message === "tell") process.send?.(told());
  else void readAll(message).then(() => process.send?.("ready"));
});
process.on("disconnect", () => process.exit());

function told(): Received {
  const [p50Ms, p99Ms] = delays.length === 0 ? [Number.NaN, Number.NaN] : quantile(delays, [0.5, 0.99]);
  return { transitions, dropped: dropped.size, p50Ms: p50Ms ?? Number.NaN, p99Ms: p99Ms ?? Number.NaN };
}

async function readAll({ readers, ...order }: ReadersOrder): Promise<void> {
  // In groups: a listener takes only so many new connections at once.
  for (let first = 0; first < readers; first += 100) {
    const group = Array.from({ length: Math.min(100, readers - first) }, (_, index) => first + index);
    await Promise.all(group.map((index) => read(order, index)));
  }
}

/** Begins to read; resolves with the first position, from which on nothing is left out. */
function read({ port, key }: Omit<ReadersOrder, "readers">, index: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    let rest = "";
    socket.setEncoding("latin1");
    socket.on("connect", () => {
      const head = ["GET /control/v1/events HTTP/1.1", "Host: 127.0.0.1", `Authorization: Bearer ${key}`, "", ""];
      socket.write(head.join("\r\n"));
    });
    socket.on("data", (data: string) => {
      const text = rest + data;
      if (text.includes("id: ")) resolve();
      // Whole lines only: the beginning of the next one waits for the rest.
      const end = text.lastIndexOf("\n") + 1;
      rest = text.slice(end);
      look(text.slice(0, end), index);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      dropped.add(index);
    });
  });
}

function look(text: string, index: number): void {
  for (let at = text.indexOf(EVENT); at !== -1; at = text.indexOf(EVENT, at + EVENT.length)) transitions++;
  if (text.includes(RESYNC)) dropped.add(index);
  if (index % SAMPLED !== 0) return;
  const now = Date.now();
  for (const [, at = ""] of text.matchAll(AT)) delays.push(now - Date.parse(at));
}
