import { describe, expect, it } from "vitest";
import { judgeRecovery } from "./recovery.ts";

const standby = (lagSeconds: number) => ({ completeTo: 0n, isCaughtUp: lagSeconds === 0, lagSeconds });

describe("the role of a database", () => {
  it("is ok for a primary and for a standby without lag", () => {
    expect(judgeRecovery(null, false, 5).status).toBe("ok");
    expect(judgeRecovery(standby(0), true, 5).status).toBe("ok");
  });

  it("is reported for a standby with its lag and the fix", () => {
    const { status, found, cure } = judgeRecovery(standby(20.04), true, 5);
    expect([status, found, cure]).toEqual([
      "warning",
      "the server is a standby (in recovery), 20.0 s behind its primary; requests for buckets that may lack trades are refused",
      expect.stringContaining("pg_stat_replication"),
    ]);
  });

  it("is reported with the right that is missing to see that the primary is idle", () => {
    expect(judgeRecovery(standby(1), false, 5)).toMatchObject({
      status: "warning",
      cure: expect.stringContaining("GRANT pg_read_all_stats"),
    });
  });
});
