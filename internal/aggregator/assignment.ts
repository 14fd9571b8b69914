import type { Leases } from "../cache/redis/leases.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import { MICROS_PER_SECOND, type Micros } from "../canonical/time.ts";
import { leasesChanged } from "./events.ts";
import type { Target } from "./target.ts";

/** Decides which targets this aggregator computes. */
export interface Assignment {
  /**
   * Returns the targets that this aggregator must compute for the boundary `to`.
   * @throws Error if the leases cannot be read
   */
  claim(targets: readonly Target[], to: Micros): Promise<readonly Target[]>;
  /**
   * Returns the claimed targets that no other aggregator has taken over since the claim, as happens while a process is
   * suspended.
   * @throws Error if the leases cannot be read
   */
  confirm(targets: readonly Target[], to: Micros): Promise<readonly Target[]>;
  /** Returns whether this aggregator owned the pair at the last claim. */
  holds(pair: Pair): boolean;
  /** Releases all leases until the next claim, for a tick that cannot compute anything. */
  release(): void;
  /** Releases all leases and closes the connection, at shutdown. */
  leave(): Promise<void>;
}

/** The assignment of a single aggregator: all targets. */
export const ALL_TARGETS: Assignment = {
  claim: async (targets) => targets,
  confirm: async (targets) => targets,
  holds: () => true,
  release: () => {},
  leave: async () => {},
};

/** Renewals per lease duration, so that a late or failed one does not lose the lease. */
const RENEWALS = 4;

/**
 * Distributes targets among aggregators by leases on pairs, because all windows of a pair read the same rows. After a
 * claim the leases are renewed until `release` or `leave`.
 * @param leaseMs returns the lease duration; read at each claim and renewal
 */
export function assignmentByLeases(leases: Leases, leaseMs: () => number): Assignment {
  let held: ReadonlySet<string> = new Set();
  let renewal: NodeJS.Timeout | null = null;

  function cancelRenewal(): void {
    if (renewal !== null) clearTimeout(renewal);
    renewal = null;
  }

  function scheduleRenewal(): void {
    cancelRenewal();
    renewal = setTimeout(() => {
      // The next claim reports a persistent failure.
      leases.renew(leaseMs()).catch(() => {});
      scheduleRenewal();
    }, leaseMs() / RENEWALS);
  }

  return {
    async claim(targets, to) {
      const { members, held: now, work } = await leases.claim(pairsOf(targets), unixSeconds(to), leaseMs());
      scheduleRenewal();
      const before = held;
      held = new Set(now);
      const taken = now.filter((pair) => !before.has(pair)).length;
      const handedOn = [...before].filter((pair) => !held.has(pair)).length;
      leasesChanged.publish({ to, members, taken, handedOn, lost: 0 });
      return targetsOfPairs(targets, work);
    },
    async confirm(targets, to) {
      const claimed = pairsOf(targets);
      const confirmed = await leases.confirm(claimed, unixSeconds(to));
      const lost = claimed.length - confirmed.length;
      if (lost > 0) leasesChanged.publish({ to, members: null, taken: 0, handedOn: 0, lost });
      return targetsOfPairs(targets, confirmed);
    },
    holds: (pair) => held.has(formatPair(pair)),
    release() {
      cancelRenewal();
      if (held.size === 0) return;
      held = new Set();
      // If Redis is unavailable, the lease expires.
      leases.leave().catch(() => {});
    },
    async leave() {
      cancelRenewal();
      await leases.close();
    },
  };
}

function pairsOf(targets: readonly Target[]): string[] {
  return [...new Set(targets.map(({ pair }) => formatPair(pair)))];
}

function targetsOfPairs(targets: readonly Target[], pairs: readonly string[]): Target[] {
  const wanted = new Set(pairs);
  return targets.filter(({ pair }) => wanted.has(formatPair(pair)));
}

function unixSeconds(to: Micros): number {
  return Number(to / MICROS_PER_SECOND);
}
