import { describe, expect, it } from "vitest";
import { listenTo } from "../../api/v1/api.testing.ts";
import { requestsInFlight } from "../../http/events.ts";
import { serverTestEngine } from "../../storage/connection/database.testing.ts";
import { newJob } from "../../storage/control/jobs.testing.ts";
import { submitJob } from "../../storage/control/submit.ts";
import { type Answered, serveTestControl } from "./app.testing.ts";

const CALLERS = {
  slow: { tenant: "one", scopes: ["control:operate"] },
  slowToo: { tenant: "one", scopes: ["control:operate"] },
  other: { tenant: "two", scopes: ["control:operate", "jobs:work"] },
} as const;
// Half of each is what one tenant may take.
const SETTINGS = { requestTimeoutSeconds: 20, maxInFlight: 8, maxConnections: 2 };

describe.skipIf(serverTestEngine === null)("a tenant whose calls wait", () => {
  const engine = serverTestEngine as NonNullable<typeof serverTestEngine>;
  const control = serveTestControl(CALLERS, SETTINGS, engine);

  it("keeps neither requests nor connections from others, and is refused what is beyond its share", async () => {
    const { sql } = control.database;
    const inFlight = listenTo(requestsInFlight);
    const { jobId } = await submitJob(sql, "one", newJob({}));
    const cancel = (name: string) =>
      control.call(name, "POST", "/jobs/cancel", { jobs: [String(jobId)], reason: "a test" });
    let waiting: Promise<Answered>[] = [];
    await sql.begin(async (lock) => {
      await lock`SELECT FROM control.jobs WHERE job_id = ${String(jobId)}::bigint FOR UPDATE`;
      waiting = ["slow", "slowToo", "slow", "slowToo"].map(cancel);
      await expect.poll(() => inFlight.events.at(-1)).toMatchObject({ count: 4 });
      expect(await cancel("slow")).toMatchObject({
        status: 503,
        body: { detail: expect.stringContaining("of this tenant") },
      });
      expect((await cancel("slowToo")).headers.get("Retry-After")).toBe("1");
      const answers = await Promise.all([
        control.call("other", "POST", "/jobs", { kind: "test" }),
        control.call("other", "POST", "/work/claim", { worker: "w", kinds: ["none"], max_jobs: 1, lease_seconds: 60 }),
        control.call("other", "GET", "/jobs"),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    });
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect((await control.call("slow", "GET", "/jobs")).status).toBe(200);
    inFlight.stop();
  });
});
