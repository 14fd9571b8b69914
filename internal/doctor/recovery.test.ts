import { describe, expect, it } from "vitest";
import { judgeRecovery } from "./recovery.ts";

const standby = (lagSeconds: number) => ({ completeTo: 0n, isCaughtUp: lagSeconds === 0, lagSeconds });

describe("a database that is asked for its role", () => {
  it("is well as the primary, and as a standby that keeps up", () => {
    expect(judgeRecovery(null, false, 5).status).toBe("ok");
    expect(judgeRecovery(standby(0), true, 5).status).toBe("ok");
  });

  it("is named as a standby with its lag, and the cure", () => {
    const { status, found, cure } = judgeRecovery(standby(20.04), true, 5);
    expect([status, found, cure]).toEqual([
      "warning",
      "the server is a standby (in recovery), 20.0 s behind its primary; what it may lack trades of is not answered",
      expect.stringContaining("pg_stat_replication"),
    ]);
  });

  it("is told what right is missing to see that its primary is idle", () => {
    expect(judgeRecovery(standby(1), false, 5)).toMatchObject({
      status: "warning",
      cure: expect.stringContaining("GRANT pg_read_all_stats"),
    });
  });
});
