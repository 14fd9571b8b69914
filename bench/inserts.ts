import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { median } from "simple-statistics";
import { parseTime } from "../internal/canonical/time.ts";
import { stopwatch } from "../internal/lib/clock.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import type { Sql } from "../internal/storage/connection/pool.ts";
import { connect } from "../internal/storage/connection/pool.ts";
import { type Batch, describeDurability, insertBatch, makeBatch, type Spread } from "./batches.ts";
import type { Bench } from "./bench.ts";
import { progress, withBenchDatabase } from "./database.ts";

/** The keys of each writer: writers with the same keys wait for each other's commits, those with separate sources do not. */
interface Crowd {
  readonly name: string;
  readonly writers: number;
  readonly spread: Spread;
  readonly ownSources: boolean;
}

const FEW: Spread = { pairs: 1, sources: 1 };
const MANY: Spread = { pairs: 100, sources: 5 };
const CROWDS: readonly Crowd[] = [
  { name: "1 writer, few keys", writers: 1, spread: FEW, ownSources: false },
  { name: "1 writer, many keys", writers: 1, spread: MANY, ownSources: false },
  { name: "8 writers, the same few keys", writers: 8, spread: FEW, ownSources: false },
  { name: "8 writers, the same many keys", writers: 8, spread: MANY, ownSources: false },
  { name: "8 writers, many keys of their own", writers: 8, spread: MANY, ownSources: true },
];
const ROUNDS = 5;
const START = parseTime("2026-03-01T00:00:00Z");
// At 50 trades/s a batch of 1 000 covers one or two minutes.
const MICROS_PER_TRADE = 20_000n;

/** The trades of one writer per round; several writers write a quarter of them each. */
interface Cell {
  readonly size: number;
  readonly batches: number;
  readonly write: (sql: Sql, batch: Batch) => Promise<void>;
  readonly name: string;
}

const CELLS: readonly Cell[] = [
  { name: "1", size: 1, batches: 200, write: insertBatch },
  { name: "10", size: 10, batches: 100, write: insertBatch },
  { name: "100", size: 100, batches: 40, write: insertBatch },
  { name: "1 000", size: 1000, batches: 12, write: insertBatch },
  { name: "10 000", size: 10_000, batches: 2, write: insertBatch },
  { name: "20 000 by COPY", size: 20_000, batches: 1, write: copyBatch },
];

export const inserts: Bench = {
  summary: "what the rollup trigger costs: batches of 1 to 10 000 and COPY, few and many keys, one and eight writers",
  run: ({ server, short }) =>
    withBenchDatabase(server, (triggered, triggeredUrl) =>
      withBenchDatabase(server, async (plain, plainUrl) => {
        await plain.sql`ALTER TABLE trades DISABLE TRIGGER trades_keep_rollups`;
        console.log(await describeDurability(triggered));
        console.log("trades/s with and without the rollup trigger, and how many times as long it takes (all rounds):");
        let written = 0;
        for (const crowd of CROWDS) {
          const { name, writers } = crowd;
          if (server === undefined && writers > 1) {
            console.log(`  left out: ${name}, the embedded engine has one session`);
            continue;
          }
          const sides = [sessions(triggered, triggeredUrl, writers), sessions(plain, plainUrl, writers)] as const;
          for (const cell of CELLS) {
            if (server === undefined && cell.write === copyBatch) {
              console.log(`  left out: ${name}, COPY, the embedded engine refuses it`);
              continue;
            }
            const batches = Math.ceil(cell.batches / (writers > 1 ? 4 : 1) / (short ? 10 : 1));
            const count = batches * cell.size * writers;
            const times: [number[], number[]] = [[], []];
            // The first round is a warm-up.
            for (let round = 0; round <= (short ? 1 : ROUNDS); round++) {
              progress(`${name}, batches of ${cell.name}: round ${round}`);
              const work = shareOut(crowd, written, cell.size, batches);
              written += count;
              for (const side of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
                const took = await writeAll(sides[side].sessions, work, cell.write);
                if (round > 0) times[side].push(took);
              }
            }
            progress("");
            report(`${name}, ${cell.name}`, count, times);
          }
          for (const side of sides) await side.close();
        }
      }),
    ),
};

/** One session per writer. */
function sessions(database: Database, url: string, writers: number) {
  if (database.engine === "embedded") return { sessions: [database.sql], close: async () => {} };
  const pools = Array.from({ length: writers }, () => connect(url, { max: 1 }));
  return { sessions: pools, close: () => Promise.all(pools.map((pool) => pool.end())) };
}

/** The batches by writer; all have the same trade times. */
function shareOut({ writers, spread, ownSources }: Crowd, first: number, size: number, batches: number): Batch[][] {
  return Array.from({ length: writers }, (_, writer) =>
    Array.from({ length: batches }, (_, index) =>
      makeBatch(
        spread,
        first + (index * writers + writer) * size,
        size,
        (n) => START + BigInt(n) * MICROS_PER_TRADE,
        ownSources ? `-${writer}` : "",
      ),
    ),
  );
}

/** @returns the seconds until the last writer has finished */
async function writeAll(writers: readonly Sql[], work: readonly Batch[][], write: Cell["write"]): Promise<number> {
  const started = stopwatch();
  await Promise.all(
    writers.map(async (sql, writer) => {
      for (const batch of work[writer] ?? []) await write(sql, batch);
    }),
  );
  return stopwatch() - started;
}

async function copyBatch(sql: Sql, batch: Batch): Promise<void> {
  const target = await sql`
    COPY trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount) FROM STDIN`.writable();
  const lines = (batch[0] ?? []).map((_, row) => batch.map((column) => column[row]).join("\t"));
  await pipeline(Readable.from([`${lines.join("\n")}\n`]), target);
}

function report(name: string, trades: number, [triggered, plain]: readonly [number[], number[]]): void {
  const ratios = triggered.map((took, round) => took / (plain[round] ?? Number.NaN)).sort((a, b) => a - b);
  const rate = (times: number[]) => (trades / median(times)).toFixed(0);
  console.log(
    `  ${name}: ${rate(triggered)} and ${rate(plain)}, ${median(ratios).toFixed(2)} times (${ratios.map((ratio) => ratio.toFixed(2)).join(" ")})`,
  );
}
