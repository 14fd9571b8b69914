import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { formatTime, parseTime, seconds } from "../../canonical/time.ts";
import { testEngines } from "../../storage/connection/database.testing.ts";
import { cover, type Interval, uncover } from "../../storage/control/coverage.ts";
import { declareFeed } from "../../storage/control/feeds.ts";
import { testLedger } from "../../storage/control/jobs.testing.ts";
import { newGaps, watchGaps } from "./gaps.ts";
import { testWatch } from "./watch.testing.ts";

const START = parseTime("2026-01-01T00:00:00Z");
const FEED = "kraken:crypto:XLM/fiat:USD";
const minutes = (from: number, to: number): Interval => ({
  from: START + seconds(60 * from),
  to: START + seconds(60 * to),
});

describe.each(enginesOf(testEngines))("gaps watched on $name", (engine) => {
  const ledger = testLedger(engine);
  let clock = START;

  async function setUp(wanted: Parameters<ReturnType<typeof testWatch>["want"]>[0]) {
    const { database, tenant } = ledger;
    const watch = testWatch(database, tenant, () => clock);
    await watch.want(wanted);
    const rest = { source: "kraken", host: "", kind: "collect.live", startAt: START, chunkSeconds: 3600 };
    await declareFeed(database.sql, tenant, { feed: FEED, ...rest, payload: { pair: "crypto:XLM/fiat:USD" } });
    return {
      ...watch,
      cover: (...intervals: Interval[]) => cover(database.sql, tenant, FEED, intervals),
      uncover: (interval: Interval) => uncover(database.sql, tenant, FEED, interval),
      told: async () => (await watch.recorded()).map(({ id }) => id),
    };
  }
  const id = (minute: number): string => `gap:${FEED}@${formatTime(minutes(minute, 0).from)}`;

  it("are told once they have not been filled for five minutes, and what is left of them is not", async () => {
    const { want, once, cover, uncover, told, recorded, conflicts } = await setUp({ events: ["coverage.gap"] });
    await cover(minutes(0, 10), minutes(20, 30));
    clock = minutes(0, 24).to;
    await once(watchGaps);
    expect(await told()).toEqual([]);
    clock = minutes(0, 25).to;
    await Promise.all([once(watchGaps), once(watchGaps)]);
    expect(await recorded()).toEqual([
      {
        type: "coverage.gap",
        id: id(10),
        pair: "crypto:XLM/fiat:USD",
        body: '{"feed":"kraken:crypto:XLM/fiat:USD","source":"kraken","pair":"crypto:XLM/fiat:USD","from":"2026-01-01T00:10:00Z","to":"2026-01-01T00:20:00Z"}',
      },
    ]);
    await cover(minutes(10, 14), minutes(16, 18));
    await once(watchGaps);
    expect(await told()).toEqual([id(10)]);
    await uncover(minutes(2, 3));
    clock = minutes(0, 60).to;
    await once(watchGaps);
    await once(watchGaps);
    expect(await told()).toEqual([id(10), id(2)]);
    expect(await conflicts()).toBe(0);
    await want({ events: ["coverage.gap"], pairs: ["crypto:BTC/fiat:USD"] });
    await uncover(minutes(5, 6));
    await once(watchGaps);
    expect(await told()).toHaveLength(2);
  });
});

describe("new gaps", () => {
  const gaps = fc
    .uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 12 })
    .map((bounds) => bounds.sort((a, b) => a - b))
    .map((bounds) =>
      bounds.flatMap((from, index) =>
        index % 2 === 0 && bounds[index + 1] !== undefined ? [[from, bounds[index + 1] as number] as const] : [],
      ),
    );
  const at = (minute: number): bigint => BigInt(minute);

  it("are those without a minute that was told; one that goes on is told no more", () => {
    fc.assert(
      fc.property(gaps, gaps, (now, before) => {
        const told = before.map(([from, to]) => ({ from: at(from), to: at(to) }));
        const current = now.map(([from, to]) => ({ from: at(from), to: at(to) }));
        const isTold = (minute: bigint) => told.some(({ from, to }) => from <= minute && minute < to);
        const minutesOf = ({ from, to }: Interval) =>
          Array.from({ length: Number(to - from) }, (_, index) => from + BigInt(index));
        const { fresh, grown } = newGaps(current, told);
        expect(fresh).toEqual(current.filter((gap) => !minutesOf(gap).some(isTold)));
        // What goes beyond a gap that was told belongs to it, also once that is filled.
        const beyond = grown.map(({ to }) => ({ from: to - 1n, to }));
        expect(newGaps(beyond, [...told, ...grown])).toEqual({ fresh: [], grown: [] });
        expect(newGaps(current, [...told, ...fresh, ...grown])).toEqual({ fresh: [], grown: [] });
      }),
    );
  });
});
