import { describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { testEngines } from "../connection/database.testing.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { listArtifacts } from "./artifacts.ts";
import { type LeasedJob, makeClaim } from "./claim.ts";
import { newJob, testLedger } from "./jobs.testing.ts";
import { reportWithArtifacts } from "./report-artifacts.ts";
import { submitJob } from "./submit.ts";

describe.each(enginesOf(testEngines))("reports with artifacts on $name", (engine) => {
  const ledger = testLedger(engine);
  const claim = makeClaim(() => performance.now());
  const artifact = { name: "part.csv", sha256: "0".repeat(64), bytes: 3, uri: "memory:part.csv", inputsKey: null };

  async function leased(): Promise<LeasedJob> {
    const { sql } = ledger.database;
    await inTransaction(sql, READ_COMMITTED, (transaction) => submitJob(transaction, ledger.tenant, newJob()));
    const asked = { tenant: ledger.tenant, kinds: ["test"], worker: "w", maxJobs: 1, leaseSeconds: 60 };
    const [job] = await claim(sql, asked);
    if (job === undefined) throw new Error("the job was not leased");
    return job;
  }
  const succeeded = ({ jobId, leaseToken }: LeasedJob, name: string) => ({
    jobId,
    leaseToken,
    outcome: "succeeded" as const,
    retrySeconds: 0,
    throttle: null,
    reason: null,
    message: null,
    artifacts: [{ ...artifact, name }],
  });
  const kept = async ({ jobId }: LeasedJob) =>
    (
      await listArtifacts(ledger.database.sql, ledger.tenant, { jobId, isMismatch: false, before: null, limit: 10 })
    ).map(({ name }) => name);

  it("keep what jobs produced whose success counts, and nothing of those whose lease was lost", async () => {
    const [held, lost] = [await leased(), await leased()];
    const stale = { ...succeeded(lost, "lost.csv"), leaseToken: lost.leaseToken - 1n };
    const reported = await reportWithArtifacts(ledger.database.sql, ledger.tenant, [
      succeeded(held, "held.csv"),
      stale,
    ]);
    expect(reported).toEqual([{ jobId: held.jobId, state: "succeeded" }]);
    expect(await kept(held)).toEqual(["held.csv"]);
    expect(await kept(lost)).toEqual([]);
  });

  it("end no attempt whose artifacts cannot be kept", async () => {
    const job = await leased();
    const wrong = { ...succeeded(job, "part.csv"), artifacts: [{ ...artifact, sha256: "no hash" }] };
    await expect(reportWithArtifacts(ledger.database.sql, ledger.tenant, [wrong])).rejects.toThrow(
      "artifacts_sha256_form",
    );
    expect(await reportWithArtifacts(ledger.database.sql, ledger.tenant, [succeeded(job, "part.csv")])).toHaveLength(1);
  });
});
