import type { Leases } from "../../cache/leases.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { MICROS_PER_SECOND, type Micros } from "../../canonical/time.ts";
import { leasesChanged } from "../../obs/events.ts";
import type { Target } from "./target.ts";

/** Which targets are this aggregator's to compute. */
export interface Share {
  /**
   * Those of the targets that are to be computed here for the boundary.
   * @throws Error where that cannot be found out
   */
  claim(targets: readonly Target[], to: Micros): Promise<readonly Target[]>;
  /**
   * Those of the targets claimed for the boundary that nobody has taken over since, as happens while a process is stopped.
   * @throws Error where that cannot be found out
   */
  confirm(targets: readonly Target[], to: Micros): Promise<readonly Target[]>;
  /** Whether the pair was this aggregator's at the last claim. */
  holds(pair: Pair): boolean;
  /** Hands everything on. */
  leave(): Promise<void>;
}

/** The share of an aggregator that is alone: everything. */
export const EVERYTHING: Share = {
  claim: async (targets) => targets,
  confirm: async (targets) => targets,
  holds: () => true,
  leave: async () => {},
};

/** Renewals in the time that a lease lasts, so that one that is late or lost does no harm. */
const RENEWALS = 4;

/**
 * Shares targets with other aggregators, pair by pair: the windows of a pair read the same rows. The lease is renewed until
 * `leave`.
 * @param leaseMs how long the leases last without a word
 */
export function shareByLeases(leases: Leases, leaseMs: number): Share {
  let held: ReadonlySet<string> = new Set();
  const renewal = setInterval(() => {
    // What fails now is told by the next claim.
    leases.renew().catch(() => {});
  }, leaseMs / RENEWALS);

  return {
    async claim(targets, to) {
      const { members, held: now, work } = await leases.claim(pairsOf(targets), secondsOf(to));
      const before = held;
      held = new Set(now);
      const taken = now.filter((pair) => !before.has(pair)).length;
      const handedOn = [...before].filter((pair) => !held.has(pair)).length;
      leasesChanged.publish({ to, members, taken, handedOn, lost: 0 });
      return among(targets, work);
    },
    async confirm(targets, to) {
      const asked = pairsOf(targets);
      const confirmed = await leases.confirm(asked, secondsOf(to));
      const lost = asked.length - confirmed.length;
      if (lost > 0) leasesChanged.publish({ to, members: null, taken: 0, handedOn: 0, lost });
      return among(targets, confirmed);
    },
    holds: (pair) => held.has(formatPair(pair)),
    async leave() {
      clearInterval(renewal);
      await leases.close();
    },
  };
}

function pairsOf(targets: readonly Target[]): string[] {
  return [...new Set(targets.map(({ pair }) => formatPair(pair)))];
}

function among(targets: readonly Target[], pairs: readonly string[]): Target[] {
  const wanted = new Set(pairs);
  return targets.filter(({ pair }) => wanted.has(formatPair(pair)));
}

function secondsOf(to: Micros): number {
  return Number(to / MICROS_PER_SECOND);
}
