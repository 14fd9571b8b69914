import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { enginesOf, runsOf } from "../../../test/thoroughness.ts";
import { vwapKey, withheldKey } from "../../cache/keys.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { formatTime, seconds } from "../../canonical/time.ts";
import { parseWithheld } from "../../canonical/withheld.ts";
import { testEngines } from "../../storage/connection/database.testing.ts";
import { testLedger } from "../../storage/control/jobs.testing.ts";
import { freshPair, trade } from "../../storage/trades/trades.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { boundary, INTERVAL, range, SLOTS, type Slot, START, testPrices, WINDOW } from "./prices.testing.ts";
import { type EventOnRecord, testStores } from "./watch.testing.ts";

const stores = await testStores();

describe.each(enginesOf(testEngines))("prices watched on $name", (engine) => {
  const ledger = testLedger(engine);
  const { writeSlots, setUp, expected } = testPrices(ledger);

  describe.each(stores)("in $name", ({ open }) => {
    it("are recorded with the bytes that are published, and withheld ones where the reason changes", async () => {
      const pair = freshPair();
      const slots: Slot[] = ["usual", "usual", "nothing", "small", "nothing", "nothing", "nothing", "jump", "usual"];
      await writeSlots(pair, slots);
      const { want, tick, watchPrices, waitFor, store, conflicts } = setUp(open(), [pair]);
      await want();
      watchPrices();
      const events: EventOnRecord[] = await expected(pair, range(slots.length));
      for (const index of range(slots.length)) {
        await tick(index);
        const due = await expected(pair, range(index + 1));
        const recorded = await waitFor(due.length);
        const [value] = await store.read([vwapKey(pair, WINDOW)]);
        if (due.at(-1)?.type === "price.published") expect(recorded.at(-1)?.body).toBe(value);
      }
      expect(events.map(({ type }) => type)).toEqual([
        ...Array(3).fill("price.published"),
        ...["price.withheld", "price.withheld", "price.guarded", "price.published"],
      ]);
      expect(await waitFor(events.length)).toEqual(events);
      expect(events.slice(3, 6).map(({ body }) => parseWithheld(body))).toMatchObject([
        { reason: "below-floor", price: "0.5", usd_volume: "500", trade_count: 1, recent_price: null },
        { reason: "empty", price: null, usd_volume: null, trade_count: 0 },
        { reason: "guarded", price: "5", recent_price: "0.5", usd_volume: "20000", market: formatPair(pair) },
      ]);
      expect(await conflicts()).toBe(0);
    });

    it("are recorded once each, whoever watches when, and whatever announcements are lost", async () => {
      const step = fc.record({
        slot: fc.constantFrom<Slot>("nothing", "small", "usual", "jump"),
        isTicked: fc.boolean(),
        isLossy: fc.boolean(),
        watchers: fc.constantFrom(0, 1, 2),
      });
      const run = fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
        const pair = freshPair();
        await writeSlots(pair, [...steps.map(({ slot }) => slot), "usual"]);
        const { want, tick, lose, watchPrices, waitFor, conflicts, recorded } = setUp(open(), [pair]);
        await want({ pairs: [formatPair(pair)] });
        const ofPair = (events: readonly EventOnRecord[]) => events.filter((each) => each.pair === formatPair(pair));
        const before = (await recorded()).length;
        const running: (() => Promise<void>)[] = [watchPrices()];
        await tick(0);
        await waitFor(before + 1);
        for (const [index, { isTicked, isLossy, watchers }] of steps.slice(1).entries()) {
          lose(isLossy);
          while (running.length > watchers) await running.pop()?.();
          while (running.length < watchers) running.push(watchPrices());
          if (isTicked) await tick(index + 1);
        }
        lose(false);
        running.push(watchPrices());
        await tick(steps.length);
        const events = await expected(pair, range(steps.length + 1));
        const all = await waitFor(before + events.length);
        expect(ofPair(all)).toEqual(events);
        expect(await conflicts()).toBe(0);
        await Promise.all(running.map((stop) => stop()));
      });
      await fc.assert(run, { numRuns: runsOf(16) });
    });
  });

  const [{ open } = { open: () => expect.fail("there is a store in memory") }] = stores;

  it("have the bytes that are stored, and of what is stored no more those of the trades that are there", async () => {
    const pair = freshPair();
    await writeSlots(pair, ["usual", "usual", "usual"]);
    const { want, tick, watchPrices, waitFor, store } = setUp(open(), [pair]);
    await want();
    const stop = watchPrices();
    await tick(0);
    await waitFor(1);
    await stop();
    await tick(1);
    await tick(2);
    const [stored] = await store.read([vwapKey(pair, WINDOW)]);
    await writeTrades(ledger.database, [trade(pair, boundary(1) - seconds(5), { ...SLOTS.usual[0], tradeId: "late" })]);
    watchPrices();
    const [, missed, last] = await waitFor(3);
    expect(missed).toEqual((await expected(pair, [1]))[0]);
    expect(last?.body).toBe(stored);
    expect((await expected(pair, [2]))[0]?.body).not.toBe(stored);
  });

  it("are recovered for the last hour", async () => {
    const pair = freshPair();
    const hours = 3600 / INTERVAL;
    await writeSlots(
      pair,
      Array.from({ length: 2 * hours + 1 }, (): Slot => "usual"),
    );
    const { want, tick, watchPrices, waitFor } = setUp(open(), [pair]);
    await want();
    const stop = watchPrices();
    await tick(0);
    await waitFor(1);
    await stop();
    await tick(2 * hours);
    watchPrices();
    const recorded = await waitFor(1 + hours);
    const [first = [], ...rest] = [await expected(pair, [0]), await expected(pair, range(2 * hours + 1).slice(-hours))];
    expect(recorded).toEqual([...first, ...rest.flat()]);
  });

  it("are given again where recording failed, before it was done or after", async () => {
    const pair = freshPair();
    await writeSlots(pair, ["usual", "usual", "usual", "usual", "usual"]);
    const { want, tick, watchPrices, waitFor, parts, conflicts } = setUp(open(), [pair]);
    await want();
    let calls = 0;
    watchPrices({
      record: async (events) => {
        calls++;
        if (calls === 1) throw new Error("the database is away");
        await parts.record(events);
        if (calls === 2) throw new Error("the answer was lost");
      },
    });
    for (const index of range(5)) {
      await tick(index);
      await vi.waitUntil(() => calls > index, 30_000);
    }
    const events = await expected(pair, range(5));
    expect(await waitFor(events.length)).toEqual(events);
    expect(await conflicts()).toBe(0);
  });

  it("are recorded where somebody may be told of them only", async () => {
    const [asked, other] = [freshPair(), freshPair()];
    await writeSlots(asked, ["usual", "nothing", "nothing"]);
    await writeSlots(other, ["usual", "nothing", "nothing"]);
    const { want, tick, watchPrices, waitFor } = setUp(open(), [asked, other]);
    const where = [{ pointer: "/window_seconds", values: [5] }];
    await want({ events: ["price.withheld"], pairs: [formatPair(asked)], where });
    watchPrices();
    for (const index of range(3)) await tick(index);
    expect(await waitFor(1)).toMatchObject([
      { type: "price.withheld", id: `${withheldKey(asked, WINDOW)}@${formatTime(boundary(2))}` },
    ]);
  });

  it("tell of the inverted market where only that has trades", async () => {
    const market = freshPair();
    const pair: Pair = { base: market.quote, quote: market.base };
    await writeSlots(market, ["small"]);
    const { want, tick, watchPrices, waitFor } = setUp(open(), [pair]);
    await want({ events: ["price.withheld"] });
    watchPrices();
    await tick(0);
    const [told] = await waitFor(1);
    expect(parseWithheld(told?.body ?? "")).toMatchObject({
      ...{ pair: formatPair(pair), market: formatPair(market), reason: "below-floor", price: "0.5", usd_volume: "500" },
    });
  });

  it("of others do not wait for a pair whose stored value cannot be read, or has a time of the future", async () => {
    const [good, poisoned, early] = [freshPair(), freshPair(), freshPair()];
    for (const pair of [good, early]) await writeSlots(pair, ["usual", "usual"]);
    const { want, tick, watchPrices, waitFor, store } = setUp(open(), [good, poisoned, early]);
    await want();
    const to = formatTime(START + seconds(3600));
    const value = (await expected(early, [0]))[0]?.body.replaceAll(formatTime(boundary(0)), to) ?? "";
    const write = (pair: Pair, text: string) => ({ key: vwapKey(pair, WINDOW), value: text, to, ttlSeconds: 300 });
    watchPrices();
    await tick(0);
    await waitFor(3);
    await store.publish([write(poisoned, "{}"), write(early, value)]);
    await tick(1);
    const recorded = await waitFor(4);
    expect(recorded.filter(({ type }) => type === "price.published").map(({ id }) => id)).toContain(
      `${vwapKey(good, WINDOW)}@${formatTime(boundary(1))}`,
    );
    expect(recorded.filter(({ id }) => id.endsWith(to))).toEqual([]);
  });
});
