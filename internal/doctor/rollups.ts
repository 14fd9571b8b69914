import { formatDuration } from "../canonical/duration.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import { formatTime, type Micros, seconds } from "../canonical/time.ts";
import type { Sql } from "../storage/connection/pool.ts";
import { readDisabledTriggers, readLastTrades } from "../storage/diagnostics/rollups.ts";
import { type Finding, ok, warning, wrong } from "./finding.ts";

const VERIFY = "stellarindex rollups verify --repair recomputes the rollups";

/**
 * Checks that the triggers of trades are enabled, that the rollups include the last trade of each market, and that
 * trades are being written. This is a sample; `rollups verify` compares all rollups.
 * @param markets stored pairs
 * @param windows in seconds, shortest first
 */
export async function checkRollups(
  sql: Sql,
  markets: readonly Pair[],
  windows: readonly number[],
  now: Micros,
): Promise<Finding[]> {
  const disabled = await readDisabledTriggers(sql);
  const longest = windows.at(-1) ?? 0;
  const last = await readLastTrades(sql, markets, { from: now - seconds(longest), to: now });
  const findings = disabled.map((name) =>
    wrong(
      `the trigger ${name} of trades is missing or disabled`,
      `ALTER TABLE trades ENABLE TRIGGER ${name}; then ${VERIFY}`,
    ),
  );
  const uncounted = last.filter(({ inMinutes, inHours }) => !inMinutes || !inHours);
  for (const { pair, source, ts, inMinutes, inHours } of uncounted) {
    const where = [...(inMinutes ? [] : ["trades_1m"]), ...(inHours ? [] : ["trades_1h"])].join(" and ");
    findings.push(
      wrong(`${where}: the trade of ${formatPair(pair)} at ${source}, ${formatTime(ts)}, is missing`, VERIFY),
    );
  }
  const newest = last.reduce<Micros | null>((latest, { ts }) => (latest === null || ts > latest ? ts : latest), null);
  findings.push(freshness(newest, windows, now));
  if (findings.every(({ status }) => status !== "wrong")) {
    findings.push(
      ok(`the rollups include the last trades of ${last.length} markets; rollups verify compares all trades`),
    );
  }
  return findings;
}

function freshness(newest: Micros | null, windows: readonly number[], now: Micros): Finding {
  const cure = "check that the decoders run and may write (docs/decoders.md), or import trades";
  const [shortest = 0] = windows;
  if (newest === null) {
    return warning(
      `no trade of a published pair in the last ${formatDuration(windows.at(-1) ?? 0)}`,
      `${cure}; pairs that are only triangulated need none`,
    );
  }
  const age = Number((now - newest) / 1_000_000n);
  const found = `the newest trade of a published pair is ${formatDuration(Math.max(0, age))} old`;
  return age > shortest ? warning(`${found}: every window of ${formatDuration(shortest)} is empty`, cure) : ok(found);
}
