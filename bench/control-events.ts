import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { stopwatch } from "../internal/lib/clock.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import { servedControl } from "./control-http.ts";
import { addReady, TENANT } from "./control-jobs.ts";

const TRANSITIONS_PER_SECOND = 100;
const TURN_MS = 10;
/** How long the last events may take to arrive. */
const LAST_SECONDS = 10;

/** What the process of readers is to do. */
export interface ReadersOrder {
  readonly port: number;
  readonly key: string;
  readonly readers: number;
}

/** What readers have received until now. */
export interface Received {
  readonly transitions: number;
  /** Readers whose stream ended, or that were told that they missed something. */
  readonly dropped: number;
  /** From the time of the entry in the history to its reader, of a sample of the readers. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Prints what readers of the events, in a process of their own, receive of steady transitions. */
export async function measureEvents(
  database: Database,
  { readers, seconds }: { readonly readers: number; readonly seconds: number },
): Promise<void> {
  console.log(`\n${readers} readers of events, ${TRANSITIONS_PER_SECOND} transitions a second for ${seconds} s`);
  const served = await servedControl(database, TENANT);
  const child = fork(fileURLToPath(new URL("control-events-readers.js", import.meta.url)));
  try {
    await asked<string>(child, { port: served.port, key: served.key, readers } satisfies ReadersOrder);
    const started = stopwatch();
    const made = await makeTransitions(database, seconds);
    const expected = made * readers;
    let received = await asked<Received>(child, "tell");
    while (received.transitions < expected && stopwatch() - started < seconds + LAST_SECONDS) {
      await sleep(100);
      received = await asked<Received>(child, "tell");
    }
    const elapsed = stopwatch() - started;
    const share = (100 * received.transitions) / expected;
    console.log(
      `  delivered ${(received.transitions / elapsed).toFixed(0)} events/s, ${share.toFixed(1)} % of ${expected}`,
    );
    console.log(`  from commit to reader: p50 ${received.p50Ms.toFixed(0)} ms, p99 ${received.p99Ms.toFixed(0)} ms`);
    console.log(`  dropped readers: ${received.dropped}`);
    console.log(`  memory of the server's process: ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`);
  } finally {
    child.disconnect();
    await served.close();
  }
}

async function asked<Answer>(child: ChildProcess, message: ReadersOrder | "tell"): Promise<Answer> {
  const answer = once(child, "message");
  child.send(message);
  const [value] = await answer;
  return value as Answer;
}

/** Submits jobs at a steady rate, each a transition that commits by itself; returns how many. */
async function makeTransitions({ sql }: Database, seconds: number): Promise<number> {
  const started = stopwatch();
  let made = 0;
  while (stopwatch() - started < seconds) {
    const due = Math.floor((stopwatch() - started) * TRANSITIONS_PER_SECOND) - made;
    for (let each = 0; each < due; each++) await addReady(sql, 1, "bench.events");
    made += Math.max(0, due);
    await sleep(TURN_MS);
  }
  return made;
}
