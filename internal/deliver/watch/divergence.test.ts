import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { enginesOf, runsOf } from "../../../test/thoroughness.ts";
import { DIVERGENCE_TTL_SECONDS, serializeDivergence } from "../../cache/divergence.ts";
import { divergenceKey } from "../../cache/keys.ts";
import type { PriceStore } from "../../cache/store.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { formatTime, parseTime, seconds } from "../../canonical/time.ts";
import { testEngines } from "../../storage/connection/database.testing.ts";
import { testLedger } from "../../storage/control/jobs.testing.ts";
import { freshPair } from "../../storage/trades/trades.testing.ts";
import { watchDivergence } from "./divergence.ts";
import { testStores, testWatch } from "./watch.testing.ts";

const START = parseTime("2026-05-01T12:00:00Z");
const stores = await testStores();

/** What a check finds; without enough references nothing. */
type Check = "differs" | "agrees" | "nothing";

describe.each(enginesOf(testEngines))("divergence watched on $name", (engine) => {
  const ledger = testLedger(engine);
  const opened: PriceStore[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });

  function setUp(open: () => PriceStore, pair: Pair) {
    const store = open();
    opened.push(store);
    const watch = testWatch(ledger.database, ledger.tenant, () => START);
    const textOf = (check: Check, index: number): string =>
      serializeDivergence({
        ...{ pair: formatPair(pair), price: "1", to: formatTime(START + seconds(300 * index)), threshold_pct: "5" },
        ...(check === "nothing"
          ? { checked: false, median: null, deviation_pct: null, warning: false }
          : check === "differs"
            ? { checked: true, median: "2", deviation_pct: "100", warning: true }
            : { checked: true, median: "1", deviation_pct: "0", warning: false }),
        references: [],
      });
    return {
      ...watch,
      textOf,
      put: (check: Check, index: number) =>
        store.put(divergenceKey(pair), textOf(check, index), DIVERGENCE_TTL_SECONDS),
      watchOf: (parts: (typeof watch)["parts"], signal: AbortSignal) =>
        watchDivergence({ ...parts, store, pairs: [pair] }, signal),
    };
  }

  describe.each(stores)("in $name", ({ open }) => {
    it("is told when the warning goes up and down, with what is stored", async () => {
      const pair = freshPair();
      const { want, start, put, waitFor, textOf, watchOf } = setUp(open, pair);
      await want({ events: ["divergence.warning"] });
      start(watchOf);
      start(watchOf);
      const checks: Check[] = ["agrees", "differs", "nothing", "differs", "agrees", "nothing", "differs"];
      const due = ["", "warning", "", "", "cleared", "", "warning"];
      for (const [index, check] of checks.entries()) {
        await put(check, index);
        const told = due.slice(0, index + 1).filter((type) => type !== "");
        expect((await waitFor(told.length)).map(({ type }) => type)).toEqual(told.map((type) => `divergence.${type}`));
      }
      expect((await waitFor(3))[1]).toEqual({
        type: "divergence.cleared",
        id: `${divergenceKey(pair)}@2026-05-01T12:20:00Z`,
        pair: formatPair(pair),
        body: textOf("agrees", 4),
      });
    });
  });

  const [{ open } = { open: () => expect.fail("there is a store in memory") }] = stores;

  it("is told in turns, by whichever watcher sees a change", async () => {
    const step = fc.record({
      check: fc.constantFrom<Check>("differs", "agrees", "nothing"),
      watched: fc.boolean(),
    });
    const run = fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
      const { want, once, put, recorded, watchOf } = setUp(open, freshPair());
      await want();
      const before = (await recorded()).length;
      const told: string[] = [];
      for (const [index, { check, watched }] of steps.entries()) {
        await put(check, index);
        // Each watcher knows what is on record only.
        if (!watched) continue;
        await once(watchOf);
        const isUp = told.at(-1) === "divergence.warning";
        if (check === "differs" && !isUp) told.push("divergence.warning");
        if (check === "agrees" && isUp) told.push("divergence.cleared");
      }
      expect((await recorded()).slice(before).map(({ type }) => type)).toEqual(told);
    });
    await fc.assert(run, { numRuns: runsOf(40) });
  });

  it("is not looked for where nobody is told of it", async () => {
    const { want, once, put, recorded, watchOf } = setUp(open, freshPair());
    await want({ events: ["price.*", "incident.*"] });
    await put("differs", 0);
    await once(watchOf);
    expect(await recorded()).toEqual([]);
  });
});
