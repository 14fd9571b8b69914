import { describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { testEngines } from "../connection/database.testing.ts";
import { clearProblem, listProblems, noteProblem } from "./collector-problems.ts";
import { testLedger } from "./jobs.testing.ts";
import { countUnread, keepUnread, MOST_UNREAD } from "./unread-messages.ts";

describe.each(enginesOf(testEngines))("what collectors report on $name", (engine) => {
  const ledger = testLedger(engine);

  it("is noted with since when it lasts, and goes when it is over", async () => {
    const { sql } = ledger.database;
    const note = (message: string) =>
      noteProblem(sql, ledger.tenant, { code: "venue_unreachable", key: "kraken", message });
    await note("refused");
    const [first] = await listProblems(sql, ledger.tenant);
    await note("timed out");
    expect(await listProblems(sql, ledger.tenant)).toEqual([{ ...first, message: "timed out" }]);
    await clearProblem(sql, ledger.tenant, "market_refused", "kraken");
    expect(await listProblems(sql, ledger.tenant)).toHaveLength(1);
    await clearProblem(sql, ledger.tenant, "venue_unreachable", "kraken");
    expect(await listProblems(sql, ledger.tenant)).toEqual([]);
  });

  it("keeps of each source the newest messages that could not be understood", async () => {
    const { sql } = ledger.database;
    const messages = Array.from({ length: MOST_UNREAD + 3 }, (_, index) => ({
      ...{ source: "kraken", reason: `reason ${index}`, message: `{"price":"\0${index}"}` },
    }));
    await keepUnread(sql, ledger.tenant, messages);
    await keepUnread(sql, ledger.tenant, [{ source: "coinbase", reason: "other", message: "x" }]);
    expect(await countUnread(sql, ledger.tenant)).toMatchObject([
      { source: "coinbase", count: 1, reason: "other" },
      { source: "kraken", count: MOST_UNREAD, reason: `reason ${MOST_UNREAD + 2}` },
    ]);
  });
});
