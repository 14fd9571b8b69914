import { formatTime, type Micros } from "../../canonical/time.ts";
import type { VenueGet } from "../connector.ts";
import { VenueRefused } from "../failures.ts";
import type { Endpoint } from "../feed.ts";
import { type KnownLedgers, ledgerBefore } from "../history/ledger-before.ts";
import { readJson, timeField, wholeField } from "../wire.ts";

export async function readNewestLedger(get: VenueGet, { rest }: Endpoint): Promise<KnownLedgers> {
  const root = readJson(await get(new URL("/", rest)));
  return {
    newest: wholeField(root, "history_latest_ledger"),
    closedAt: timeField(root, "history_latest_ledger_closed_at"),
    oldest: wholeField(root, "history_elder_ledger"),
  };
}

/**
 * Returns a cursor before all trades at `from` or later: that of a ledger that closed before, at most some minutes.
 * @throws VenueRefused where the server's history begins later
 */
export async function cursorBefore(
  get: VenueGet,
  endpoint: Endpoint,
  ledgers: KnownLedgers,
  from: Micros,
): Promise<string> {
  const ledger = await ledgerBefore(ledgers, from, (sequence) => closeTime(get, endpoint, sequence));
  if (ledger !== null) return cursorOf(ledger);
  const oldest = formatTime(await closeTime(get, endpoint, ledgers.oldest));
  throw new VenueRefused(`this Horizon has no ledger before ${oldest}, and ${formatTime(from)} was asked for`);
}

async function closeTime(get: VenueGet, { rest }: Endpoint, sequence: bigint): Promise<Micros> {
  return timeField(readJson(await get(new URL(`/ledgers/${sequence}`, rest))), "closed_at");
}

/** The place behind everything of a ledger: the sequence is the upper half of the numbers of its operations (SEP-35). */
function cursorOf(sequence: bigint): string {
  return `${((sequence + 1n) << 32n) - 1n}-0`;
}
