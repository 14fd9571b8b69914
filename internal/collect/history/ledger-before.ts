import { type Micros, seconds } from "../../canonical/time.ts";

/** The ledgers of Stellar that a server has: the newest one, when it closed, and the oldest one. */
export interface KnownLedgers {
  readonly newest: bigint;
  readonly closedAt: Micros;
  readonly oldest: bigint;
}

/** Reading so much more than was asked for costs less than another question. */
const NEAR = seconds(300);
/** Ledgers closed so far apart on average, to begin with. */
const APART = seconds(6);

/**
 * Returns a ledger that closed before a time, at most some minutes; null where the server has none. It is found by interpolation
 * between two whose times are known.
 * @param closeTime asks when a ledger closed
 */
export async function ledgerBefore(
  { newest, closedAt: newestClosedAt, oldest }: KnownLedgers,
  time: Micros,
  closeTime: (sequence: bigint) => Promise<Micros>,
): Promise<bigint | null> {
  let behind = { sequence: newest, closedAt: newestClosedAt };
  if (behind.closedAt < time) return behind.sequence;
  let step = (behind.closedAt - time) / APART + 2n;
  for (;;) {
    const guess = behind.sequence - step;
    const sequence = guess > oldest ? guess : oldest;
    const closedAt = await closeTime(sequence);
    if (closedAt >= time) {
      if (sequence === oldest) return null;
      const apart = (behind.closedAt - closedAt) / (behind.sequence - sequence);
      behind = { sequence, closedAt };
      step = (closedAt - time) / (apart > 0n ? apart : APART) + 2n;
    } else if (time - closedAt <= NEAR || behind.sequence - sequence <= 1n) {
      return sequence;
    } else {
      // Between both: as far from the later one as its time says.
      const share = ((behind.closedAt - time) * (behind.sequence - sequence)) / (behind.closedAt - closedAt);
      step = share + 1n < behind.sequence - sequence ? share + 1n : (behind.sequence - sequence) / 2n;
    }
  }
}
