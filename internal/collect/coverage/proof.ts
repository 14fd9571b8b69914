import { laterOf, type Micros, seconds } from "../../canonical/time.ts";

/**
 * By what a venue's stream shows that nothing is missing. `numbers`: the trades of a market are numbered without leaving
 * any out. `cursor`: the stream is resumed where it was cut. `connection`: by nothing but that it was not cut. `none`: what
 * comes is a sample, and nothing is ever known to be complete.
 */
export type Evidence = "numbers" | "cursor" | "connection" | "none";

/** What happened to the stream of one market; `at` is in seconds on this process's monotonic clock. */
export type ProofEvent =
  | { readonly type: "trade"; readonly number: bigint | null; readonly ts: Micros; readonly at: number }
  | { readonly type: "clock"; readonly time: Micros; readonly lastNumber: bigint | null; readonly at: number }
  | { readonly type: "rejected"; readonly at: number }
  | { readonly type: "cut" }
  | { readonly type: "tick"; readonly at: number };

/** A numbered trade. */
interface Place {
  readonly number: bigint;
  readonly ts: Micros;
}

/** What the stream of one market has proven since it was cut last. */
export interface Proof {
  /** Event time of which every trade has come; null before anything is known. Empty where `from` is `to`. */
  readonly open: { readonly from: Micros; readonly to: Micros } | null;
  /** The last trade before which no number is missing; its time is later where the venue said that it still was the last. */
  readonly last: Place | null;
  /** Trades beyond missing numbers, by number. */
  readonly ahead: readonly Place[];
  /** The highest number that the venue has told of; null where it is no higher than what has come. */
  readonly told: bigint | null;
  /** Since when something may be missing; null where nothing is. */
  readonly doubtSince: number | null;
}

/** A change of what is known to be complete. */
export interface CoverageChange {
  readonly type: "cover" | "retract";
  readonly from: Micros;
  readonly to: Micros;
}

export interface Folded {
  readonly proof: Proof;
  /** In this order, before the open interval. */
  readonly changes: readonly CoverageChange[];
}

export const NOTHING_PROVEN: Proof = { open: null, last: null, ahead: [], told: null, doubtSince: null };

/** A venue publishes a trade at most so long after the trade's time, measured by its own clock. */
export const PUBLISHING_DELAY: Micros = seconds(2);
/** Numbers may be missing for so long, in seconds: trades may come out of order. */
export const GRACE_SECONDS = 5;
/** With more trades than this beyond missing numbers these are given up. */
const MOST_AHEAD = 1000;

/**
 * Folds an event into what the stream has proven. Times at both ends of missing numbers count as not covered, since the
 * missing trades may have the times of their neighbours. What was covered by the clock alone is retracted
 * where a number turns out to be missing.
 */
export function foldProof(evidence: Evidence, proof: Proof, event: ProofEvent): Folded {
  if (evidence === "none") return unchanged(proof);
  switch (event.type) {
    case "trade":
      return onTrade(evidence, proof, event);
    case "clock":
      return onClock(evidence, proof, event);
    case "rejected":
      if (evidence === "numbers") return unchanged({ ...proof, doubtSince: proof.doubtSince ?? event.at });
      return { proof: NOTHING_PROVEN, changes: proof.open === null ? [] : coverOf(proof.open.from, proof.open.to) };
    case "cut":
      return evidence === "cursor" ? unchanged(proof) : { proof: NOTHING_PROVEN, changes: closing(evidence, proof) };
    case "tick":
      return proof.doubtSince !== null && event.at - proof.doubtSince >= GRACE_SECONDS
        ? giveUpMissing(proof, event.at)
        : unchanged(proof);
  }
}

function onTrade(
  evidence: Evidence,
  proof: Proof,
  { number, ts, at }: { readonly number: bigint | null; readonly ts: Micros; readonly at: number },
): Folded {
  if (evidence !== "numbers" || number === null) {
    const reached = evidence === "cursor" ? ts : ts - PUBLISHING_DELAY;
    const open = proof.open ?? { from: ts + 1n, to: ts + 1n };
    return unchanged({ ...proof, open: { from: open.from, to: laterOf(open.to, reached) } });
  }
  if (proof.last === null) {
    // The first number says nothing of those before it: what only the clock has covered is read again.
    const open = { from: ts + 1n, to: ts + 1n };
    return { proof: advanced({ ...proof, open, last: { number, ts } }), changes: retractOf(proof.open) };
  }
  if (number <= proof.last.number || proof.ahead.some((place) => place.number === number)) return unchanged(proof);
  const ahead = [...proof.ahead, { number, ts }].sort((a, b) => (a.number < b.number ? -1 : 1));
  const next = advanced({ ...proof, ahead });
  if (next.ahead.length === 0) return unchanged(next);
  const doubted = { ...next, doubtSince: next.doubtSince ?? at };
  return ahead.length > MOST_AHEAD ? giveUpMissing(doubted, at) : unchanged(doubted);
}

/** Moves up to the last trade before which no number is missing. */
function advanced(proof: Proof): Proof {
  let { last, ahead } = proof;
  while (last !== null && ahead[0] !== undefined && ahead[0].number === last.number + 1n) {
    last = ahead[0];
    ahead = ahead.slice(1);
  }
  if (last === null || proof.open === null) return { ...proof, last, ahead };
  const told = proof.told !== null && proof.told > last.number ? proof.told : null;
  const isComplete = ahead.length === 0 && told === null;
  const doubtSince = isComplete ? null : proof.doubtSince;
  return { open: { from: proof.open.from, to: laterOf(proof.open.to, last.ts) }, last, ahead, told, doubtSince };
}

function onClock(
  evidence: Evidence,
  proof: Proof,
  { time, lastNumber, at }: { readonly time: Micros; readonly lastNumber: bigint | null; readonly at: number },
): Folded {
  const delay = evidence === "cursor" ? 0n : PUBLISHING_DELAY;
  const begun = { from: time + delay, to: time + delay };
  if (evidence === "numbers" && lastNumber !== null) {
    if (proof.last !== null && lastNumber > proof.last.number) {
      const told = proof.told === null || lastNumber > proof.told ? lastNumber : proof.told;
      return unchanged({ ...proof, told, doubtSince: proof.doubtSince ?? at });
    }
    if (proof.last === null && proof.doubtSince === null) {
      const last = { number: lastNumber, ts: time - delay };
      return { proof: { ...proof, open: begun, last }, changes: retractOf(proof.open) };
    }
  }
  if (proof.doubtSince !== null) return unchanged(proof);
  if (proof.last !== null && lastNumber !== null && proof.open !== null) {
    const last = { number: proof.last.number, ts: laterOf(proof.last.ts, time - delay) };
    return unchanged({ ...proof, last, open: { from: proof.open.from, to: laterOf(proof.open.to, last.ts) } });
  }
  if (proof.open === null) return unchanged({ ...proof, open: begun });
  return unchanged({ ...proof, open: { from: proof.open.from, to: laterOf(proof.open.to, time - delay) } });
}

/** Gives up what is missing, and begins anew behind it. */
function giveUpMissing(proof: Proof, at: number): Folded {
  const [first, ...rest] = proof.ahead;
  const changes = closing("numbers", proof);
  if (first === undefined) return { proof: NOTHING_PROVEN, changes };
  const open = { from: first.ts + 1n, to: first.ts + 1n };
  return {
    proof: advanced({ open, last: first, ahead: rest, told: proof.told, doubtSince: at }),
    changes,
  };
}

/**
 * What an interval that ends here covers. In a numbered stream not what the clock alone has covered since the last number: a
 * stream that went silent before it was cut looks the same.
 */
function closing(evidence: Evidence, { open, last }: Proof): CoverageChange[] {
  if (open === null) return [];
  if (evidence !== "numbers") return coverOf(open.from, open.to);
  const end = last === null ? open.from : laterOf(open.from, last.ts);
  if (end >= open.to) return coverOf(open.from, open.to);
  return [...coverOf(open.from, end), { type: "retract", from: end, to: open.to }];
}

function retractOf(open: Proof["open"]): CoverageChange[] {
  return open !== null && open.from < open.to ? [{ type: "retract", ...open }] : [];
}

function coverOf(from: Micros, to: Micros): CoverageChange[] {
  return from < to ? [{ type: "cover", from, to }] : [];
}

function unchanged(proof: Proof): Folded {
  return { proof, changes: [] };
}
