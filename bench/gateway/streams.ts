import { createReadStream, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import postgres from "postgres";
import { median } from "simple-statistics";
import { formatTime } from "../../internal/canonical/time.ts";
import { stopwatch } from "../../internal/lib/clock.ts";
import { runProgram } from "../../test/program.ts";
import { BENCH_TO, benchPairs, SOURCES } from "../trades.ts";
import type { BenchGateway } from "./made.ts";

const PAIRS = benchPairs(20);
const DAY = 86_400_000_000n;

/** Sends the same trades as one NDJSON stream and through `import`, and prints the ratio of their rates. */
export async function compareStreams(made: BenchGateway, rows: number, rounds: number): Promise<void> {
  const { url, key, config, directory, database } = made;
  const stream = writeRows(join(directory, "stream.ndjson"), rows, ["base_asset", "quote_asset"]);
  const file = writeRows(join(directory, "file.ndjson"), rows, ["base", "quote"]);
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  const ways = {
    import: async () => {
      const { out, err } = await runProgram(["import", file, "--config", config]);
      if (!out.includes(`: ${rows} new`)) throw new Error(out + err);
    },
    gateway: async () => {
      const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/x-ndjson" };
      const body = Readable.toWeb(createReadStream(stream)) as unknown as string;
      const init = { method: "POST", headers, body, duplex: "half" as const };
      const answer = (await (await fetch(url, init)).json()) as { new?: number; journalled?: number };
      if ((answer.new ?? 0) + (answer.journalled ?? 0) !== rows) throw new Error(JSON.stringify(answer));
      if (answer.journalled !== 0) console.log(`  ${answer.journalled} rows of the stream went to the journal`);
    },
  };
  const times = { import: [] as number[], gateway: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    for (const way of ["import", "gateway"] as const) {
      await empty(sql);
      const started = stopwatch();
      await ways[way]();
      times[way].push(stopwatch() - started);
    }
  }
  await sql.end();
  const rate = (way: keyof typeof times): number => rows / median(times[way]);
  console.log(`${rows} trades in 24 h, ${PAIRS.length} pairs, ${rounds} rounds, NDJSON`);
  console.log(`  import: ${rate("import").toFixed(0)} rows/s, with the start of its process`);
  console.log(
    `  gateway: ${rate("gateway").toFixed(0)} rows/s, ${(rate("gateway") / rate("import")).toFixed(2)} of import (goal: 0.6)`,
  );
}

async function empty(sql: postgres.Sql): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction`SET LOCAL stellarindex.maintenance = 'on'`;
    await transaction`TRUNCATE trades, trades_1m, trades_1h`;
  });
  await sql`CHECKPOINT`;
}

function writeRows(path: string, count: number, [base, quote]: readonly [string, string]): string {
  const lines = Array.from({ length: count }, (_, n) => {
    const pair = PAIRS[n % PAIRS.length];
    const size = 0.001 + ((n * 104_729) % 100_000) / 10_000;
    return JSON.stringify({
      ts: formatTime(BENCH_TO - DAY + (BigInt(n) * DAY) / BigInt(count)),
      source: SOURCES[Math.floor(n / 7) % SOURCES.length],
      [base]: pair?.base,
      [quote]: pair?.quote,
      base_amount: size.toFixed(4),
      quote_amount: (size * (100 + ((n * 7919) % 1000) / 10_000)).toFixed(8),
      trade_id: String(n),
    });
  });
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}
