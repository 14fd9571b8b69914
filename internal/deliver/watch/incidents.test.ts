import { describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { formatTime, seconds } from "../../canonical/time.ts";
import { testEngines } from "../../storage/connection/database.testing.ts";
import { type Finding, keepIncidents, listIncidents } from "../../storage/control/incidents.ts";
import { testLedger } from "../../storage/control/jobs.testing.ts";
import { databaseTime } from "../../storage/control/schedules.ts";
import { watchIncidents } from "./incidents.ts";
import { testWatch } from "./watch.testing.ts";

const finding = (key: string): Finding => ({
  ...{ code: "gap", key, firstJob: null, lastJob: null, count: 2, message: `${key} has 2 gaps`, cluster: null },
});

describe.each(enginesOf(testEngines))("incidents watched on $name", (engine) => {
  const ledger = testLedger(engine);
  const keep = async (findings: readonly Finding[], ago = 0): Promise<void> => {
    const { sql } = ledger.database;
    await keepIncidents(sql, ledger.tenant, findings, (await databaseTime(sql)) - seconds(ago));
  };
  const setUp = () => testWatch(ledger.database, ledger.tenant, () => 1_790_000_000_000_000n);

  it("are told when they open and when they close, once, by any number of watchers", async () => {
    const { want, once, recorded, conflicts } = setUp();
    await want({ events: ["incident.*"] });
    await keep([finding("a"), finding("b")]);
    await Promise.all([once(watchIncidents), once(watchIncidents)]);
    await keep([finding("b")]);
    await once(watchIncidents);
    await once(watchIncidents);
    await keep([finding("a"), finding("b")]);
    await once(watchIncidents);
    const filter = { isOpen: null, code: null, before: null, limit: 10 };
    const [third, second, first] = await listIncidents(ledger.database.sql, ledger.tenant, filter);
    if (first === undefined || second === undefined || third === undefined) throw new Error("there are three");
    const opened = ({ incidentId, key, openedAt }: typeof first) => ({
      type: "incident.opened",
      id: `incident:${incidentId}:opened@${formatTime(openedAt)}`,
      pair: null,
      body: `{"incident_id":"${incidentId}","code":"gap","key":"${key}","opened_at":"${formatTime(openedAt)}","closed_at":null,"count":2,"message":"${key} has 2 gaps"}`,
    });
    const closedAt = formatTime(first.closedAt ?? 0n);
    expect(await recorded()).toEqual([
      opened(first),
      opened(second),
      {
        type: "incident.closed",
        id: `incident:${first.incidentId}:closed@${closedAt}`,
        pair: null,
        body: opened(first).body.replace('"closed_at":null', `"closed_at":"${closedAt}"`),
      },
      opened(third),
    ]);
    expect(await conflicts()).toBe(0);
  });

  it("are told with their opening where both came while nobody watched, but not those of long ago", async () => {
    const { want, once, recorded } = setUp();
    await want({ events: ["incident.closed"] });
    await keep([finding("recent"), finding("old"), finding("told")]);
    await keep([finding("told")]);
    const { sql } = ledger.database;
    const close = (key: string, ago: string) => sql`
      UPDATE control.incidents SET opened_at = clock_timestamp() - interval '3 days',
        closed_at = clock_timestamp() - ${ago}::text::interval WHERE tenant = ${ledger.tenant} AND key = ${key}`;
    await close("old", "2 hours");
    await once(watchIncidents);
    // Its opening is on record, so that its end is told for a day.
    await close("told", "2 hours");
    await once(watchIncidents);
    const told = (await recorded()).map(({ type, body }) => [type, (JSON.parse(body) as { key: string }).key]);
    expect(told.slice(0, 3).sort()).toEqual([
      ["incident.closed", "recent"],
      ["incident.opened", "recent"],
      ["incident.opened", "told"],
    ]);
    expect(told.slice(3)).toEqual([["incident.closed", "told"]]);
  });

  it("are not looked for where nobody is told of them", async () => {
    const { want, once, recorded } = setUp();
    await want({ pairs: ["crypto:XLM/fiat:USD"] });
    await keep([finding("a")]);
    await once(watchIncidents);
    expect(await recorded()).toEqual([]);
  });
});
