import { formatTime, type Micros, seconds } from "../../canonical/time.ts";
import type { VenueGet } from "../connector.ts";
import { VenueRefused } from "../failures.ts";
import type { Endpoint } from "../feed.ts";
import { readJson, timeField, wholeField } from "../wire.ts";

/** The newest ledger that a Horizon has, and its oldest. */
export interface Ledgers {
  readonly newest: bigint;
  readonly closedAt: Micros;
  readonly oldest: bigint;
}

/** Reading so much more than was asked for costs less than another question. */
const NEAR = seconds(300);
/** Ledgers closed so far apart on average, to begin with. */
const APART = seconds(6);

export async function readNewestLedger(get: VenueGet, { rest }: Endpoint): Promise<Ledgers> {
  const root = readJson(await get(new URL("/", rest)));
  return {
    newest: wholeField(root, "history_latest_ledger"),
    closedAt: timeField(root, "history_latest_ledger_closed_at"),
    oldest: wholeField(root, "history_elder_ledger"),
  };
}

/**
 * Returns a cursor before all trades at `from` or later: that of a ledger that closed before, at most some minutes. The
 * ledger is found by interpolation between two whose times are known.
 * @throws VenueRefused where the server's history begins later
 */
export async function cursorBefore(get: VenueGet, endpoint: Endpoint, ledgers: Ledgers, from: Micros): Promise<string> {
  let behind = { sequence: ledgers.newest, closedAt: ledgers.closedAt };
  if (behind.closedAt < from) return cursorOf(behind.sequence);
  let step = (behind.closedAt - from) / APART + 2n;
  for (;;) {
    const guess = behind.sequence - step;
    const sequence = guess > ledgers.oldest ? guess : ledgers.oldest;
    const closedAt = await closeTime(get, endpoint, sequence);
    if (closedAt >= from) {
      if (sequence === ledgers.oldest) {
        throw new VenueRefused(
          `this Horizon has no ledger before ${formatTime(closedAt)}, and ${formatTime(from)} was asked for`,
        );
      }
      const apart = (behind.closedAt - closedAt) / (behind.sequence - sequence);
      behind = { sequence, closedAt };
      step = (closedAt - from) / (apart > 0n ? apart : APART) + 2n;
    } else if (from - closedAt <= NEAR || behind.sequence - sequence <= 1n) {
      return cursorOf(sequence);
    } else {
      // Between both: as far from the later one as its time says.
      const share = ((behind.closedAt - from) * (behind.sequence - sequence)) / (behind.closedAt - closedAt);
      step = share + 1n < behind.sequence - sequence ? share + 1n : (behind.sequence - sequence) / 2n;
    }
  }
}

async function closeTime(get: VenueGet, { rest }: Endpoint, sequence: bigint): Promise<Micros> {
  return timeField(readJson(await get(new URL(`/ledgers/${sequence}`, rest))), "closed_at");
}

/** The place behind everything of a ledger: the sequence is the upper half of the numbers of its operations (SEP-35). */
function cursorOf(sequence: bigint): string {
  return `${((sequence + 1n) << 32n) - 1n}-0`;
}
