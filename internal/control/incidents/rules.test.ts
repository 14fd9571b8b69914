import { describe, expect, it } from "vitest";
import { parseTime } from "../../canonical/time.ts";
import type { Failure } from "../../storage/control/failures.ts";
import type { IncidentFacts } from "../../storage/control/incident-facts.ts";
import { clustersOf } from "./failure-clusters.ts";
import { findingsOf } from "./rules.ts";

const now = parseTime("2026-08-09T12:00:00Z");
const ago = (minutes: number) => now - BigInt(minutes) * 60_000_000n;

const WELL: IncidentFacts = {
  now,
  failures: [],
  ended: [],
  deadLetters: [],
  slowedHosts: [],
  lateSchedules: [],
  gaps: [],
  mismatches: [],
  collectorProblems: [],
  unread: [],
};

function failure(given: Partial<Failure>): Failure {
  const base = { jobId: 1n, kind: "k", host: "h", at: now, to: "ready", worker: "w" } as const;
  return { ...base, reason: "error", message: "answered 502", ...given };
}

const found = (facts: Partial<IncidentFacts>) =>
  findingsOf({ ...WELL, ...facts }).map(({ code, key, count }) => [code, key, count]);

describe("the rules of incidents", () => {
  it("find nothing where all is well, and failures alone are none", () => {
    expect(found({})).toEqual([]);
    expect(found({ failures: [failure({})] })).toEqual([]);
  });

  it("find lost workers, and kinds that lose many leases, for ten minutes", () => {
    const lost = (jobId: bigint, minutes: number, worker: string) =>
      failure({ jobId, reason: "worker_lost", at: ago(minutes), worker });
    const failures = [lost(5n, 1, "a"), lost(4n, 2, "b"), lost(3n, 3, "a"), lost(2n, 4, "a"), lost(1n, 10, "c")];
    expect(found({ failures })).toEqual([
      ["worker_lost", "a", 3],
      ["worker_lost", "b", 1],
    ]);
    expect(found({ failures: [lost(6n, 0, "a"), ...failures] })).toContainEqual(["lease_losses", "k", 5]);
    expect(findingsOf({ ...WELL, failures })[0]).toMatchObject({ firstJob: 2n, lastJob: 5n });
  });

  it("find dead letters, with what their messages have in common", () => {
    const dead = {
      kind: "k",
      count: 2,
      firstJob: 1n,
      lastJob: 4n,
      reason: "attempts_exhausted",
      message: "answered 502",
    };
    expect(findingsOf({ ...WELL, deadLetters: [dead] })).toMatchObject([
      { code: "dead_letters", key: "k", count: 2, firstJob: 1n, lastJob: 4n, cluster: "answered <n>" },
    ]);
  });

  it.each([
    [14, []],
    [15, [["throttled_long", "h", 3]]],
  ])("find a host that has been slowed down for %d minutes: %j", (minutes, expected) => {
    const host = { host: "h", since: ago(minutes), notBefore: null, rate: 1, maxRate: 2, hits: 3 };
    expect(found({ slowedHosts: [host] })).toEqual(expected);
  });

  it.each([
    [4, []],
    [5, [["schedule_late", "s", 1]]],
  ])("find a schedule whose tick is %d minutes late: %j", (minutes, expected) => {
    expect(found({ lateSchedules: [{ name: "s", tick: ago(minutes) }] })).toEqual(expected);
  });

  it("find what collectors report: venues after a minute, refused markets and unread messages at once", () => {
    const problem = (code: "venue_unreachable" | "market_refused", key: string, since: bigint) => {
      return { code, key, message: "refused", since };
    };
    const collectorProblems = [
      problem("venue_unreachable", "kraken", now - 60_000_000n),
      problem("venue_unreachable", "binance", now - 59_000_000n),
      problem("market_refused", "kraken:XLM-USD", now),
    ];
    const unread = [{ source: "coinbase", count: 3, reason: "price is missing", lastAt: now }];
    expect(found({ collectorProblems, unread })).toEqual([
      ["venue_unreachable", "kraken", 1],
      ["market_refused", "kraken:XLM-USD", 1],
      ["unread_messages", "coinbase", 3],
    ]);
  });

  it("find gaps, and artifacts that differ", () => {
    expect(found({ gaps: [{ feed: "f", gaps: 2, from: ago(60) }] })).toEqual([["gap", "f", 2]]);
    const mismatch = { inputsKey: "i", count: 1, firstJob: 1n, lastJob: 1n };
    expect(found({ mismatches: [mismatch] })).toEqual([["artifact_mismatch", "i", 1]]);
  });

  it.each([
    ["few jobs", [19, 19, 5, 5], false],
    ["most fail", [20, 10, 5, 5], true],
    ["over now", [20, 10, 5, 0], false],
    ["nothing lately", [20, 10, 0, 0], false],
    ["within the budget at this rate", [1000, 144, 5, 5], false],
    ["just beyond", [1000, 145, 5, 5], true],
  ])("find a burning budget, %s", (_, [ended = 0, failed = 0, endedLately = 0, failedLately = 0], isFound) => {
    const kind = { kind: "k", ended, failed, endedLately, failedLately };
    expect(found({ ended: [kind] })).toEqual(isFound ? [["slo_burn", "k", failed]] : []);
  });
});

describe("clustersOf", () => {
  it("counts failures that are alike, the most frequent first, with the newest as the example", () => {
    const failures = [
      failure({ jobId: 4n, message: "answered 503", at: ago(1) }),
      failure({ jobId: 3n, message: "refused", at: ago(2) }),
      failure({ jobId: 2n, message: "answered 502", at: ago(3) }),
      failure({ jobId: 1n, host: "other", at: ago(4) }),
    ];
    expect(clustersOf(failures)).toMatchObject([
      { host: "h", message: "answered <n>", count: 2, firstAt: ago(3), lastAt: ago(1), example: { jobId: 4n } },
      { message: "refused", count: 1 },
      { host: "other", message: "answered <n>", count: 1 },
    ]);
  });
});
