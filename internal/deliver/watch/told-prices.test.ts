import { describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { vwapKey, withheldKey } from "../../cache/keys.ts";
import { parsePair } from "../../canonical/pair.ts";
import { parseTime } from "../../canonical/time.ts";
import { serializeWithheld } from "../../canonical/withheld.ts";
import { testEngines } from "../../storage/connection/database.testing.ts";
import { testLedger } from "../../storage/control/jobs.testing.ts";
import { newEvent, record } from "../../storage/events/events.testing.ts";
import { ownEventId } from "../../storage/events/own-events.ts";
import { readToldOf } from "./told-prices.ts";

const TIMES = ["2026-05-01T12:00:00Z", "2026-05-01T12:00:30Z", "2026-05-01T12:01:00Z"] as const;
const target = { pair: parsePair("XLM/USD"), windowSeconds: 60 };
const longer = { ...target, windowSeconds: 600 };
const value = vwapKey(target.pair, 60);
const withheld = withheldKey(target.pair, 60);
const body = serializeWithheld({
  ...{ pair: "crypto:XLM/fiat:USD", window_seconds: 60, from: "2026-05-01T11:59:30Z", to: TIMES[1], reason: "guarded" },
  ...{ market: "crypto:XLM/fiat:USD", price: "5", recent_price: "0.5", usd_volume: "20000", trade_count: 1 },
  policy: "9f2c1ab04d7e",
});

describe.each(enginesOf(testEngines))("what was told on $name", (engine) => {
  const ledger = testLedger(engine);
  const told = async (thing: string, at: string, text = "{}"): Promise<void> => {
    await record(ledger.database, ledger.tenant, [newEvent({ id: ownEventId(thing, at), body: text })]);
  };
  const read = async (asked = target) => (await readToldOf(ledger.database.sql, ledger.tenant, [asked])).get(asked);

  it("is the later of the last value and the last reason why there was none", async () => {
    expect(await read()).toEqual({ to: null, what: "unknown" });
    await told(value, TIMES[0]);
    expect(await read()).toEqual({ to: parseTime(TIMES[0]), what: null });
    await told(withheld, TIMES[1], body);
    expect(await read()).toEqual({ to: parseTime(TIMES[1]), what: "guarded" });
    await told(value, TIMES[2]);
    expect(await read()).toEqual({ to: parseTime(TIMES[2]), what: null });
    // Its key begins as that of the shorter window.
    expect(await read(longer)).toEqual({ to: null, what: "unknown" });
  });

  it("does not include events that others have posted, nor reasons that are in the archive", async () => {
    await record(ledger.database, ledger.tenant, [newEvent({ sender: "a", id: ownEventId(value, TIMES[0]) })]);
    expect(await read()).toEqual({ to: null, what: "unknown" });
    await told(withheld, TIMES[1], body);
    await ledger.database.sql`
      UPDATE events.events SET body = NULL, archived_as = 'x' WHERE tenant = ${ledger.tenant} AND sender = ''`;
    expect(await read()).toEqual({ to: parseTime(TIMES[1]), what: "unknown" });
  });
});
