import { describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { formatTime, type Micros, parseTime, seconds } from "../../canonical/time.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../../policy/policy.ts";
import { testEngines } from "../../storage/connection/database.testing.ts";
import { testLedger } from "../../storage/control/jobs.testing.ts";
import { freshPair, trade } from "../../storage/trades/trades.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { silentAfter, watchSilence } from "./silence.ts";
import { testWatch } from "./watch.testing.ts";

const policy = makePolicy(DEFAULT_POLICY_SETTINGS);
/** The last trades of the tests: a whole hour, so that a day before it is a day. */
const LAST = parseTime("2026-05-02T12:00:00Z");

describe.each(enginesOf(testEngines))("silence watched on $name", (engine) => {
  const ledger = testLedger(engine);
  let clock = LAST;

  /** Trades at a regular pace for a day up to LAST. */
  async function tradesOf(pair: Pair, source: string, count: number): Promise<void> {
    const pause = seconds(86_400) / BigInt(count);
    const rows = Array.from({ length: count }, (_, index) =>
      trade(pair, LAST - pause * BigInt(index), { source, tradeId: `${source}${index}` }),
    );
    await writeTrades(ledger.database, rows);
  }

  function setUp(pairs: readonly Pair[]) {
    const watch = testWatch(ledger.database, ledger.tenant, () => clock);
    return {
      ...watch,
      passAt: async (moment: Micros) => {
        clock = moment;
        await watch.once((parts, signal) => watchSilence({ ...parts, policy, pairs }, signal));
      },
      ids: async () => (await watch.recorded()).map(({ id }) => id),
    };
  }

  it("is told of a source that counts once it has been longer than its pauses, again after the next trade", async () => {
    const pair = freshPair();
    // A trade every five minutes, so that 100 minutes are a silence; a source that is not in VWAP; one that is rare.
    await tradesOf(pair, "kraken", 288);
    await tradesOf(pair, "coingecko", 288);
    await tradesOf(pair, "sdex", 40);
    const { want, passAt, recorded, ids, conflicts } = setUp([pair]);
    await want({ events: ["source.silent"] });
    await passAt(LAST + seconds(6000));
    expect(await recorded()).toEqual([]);
    await passAt(LAST + seconds(6001));
    await passAt(LAST + seconds(8000));
    const name = formatPair(pair);
    const id = (at: Micros): string => `silent:${name}:kraken@${formatTime(at)}`;
    expect(await recorded()).toEqual([
      {
        type: "source.silent",
        id: id(LAST),
        pair: name,
        body: `{"pair":"${name}","source":"kraken","last_trade":"2026-05-02T12:00:00Z","silent_after_seconds":6000,"trades_of_a_day":288}`,
      },
    ]);
    await writeTrades(ledger.database, [trade(pair, LAST + seconds(9000), { tradeId: "again" })]);
    await passAt(LAST + seconds(10_000));
    expect(await ids()).toEqual([id(LAST)]);
    await passAt(LAST + seconds(30_000));
    expect(await ids()).toEqual([id(LAST), id(LAST + seconds(9000))]);
    expect(await conflicts()).toBe(0);
  });

  it("of more than a day, and of pairs that nobody is told of, is not", async () => {
    const [asked, other] = [freshPair(), freshPair()];
    await tradesOf(asked, "kraken", 288);
    await tradesOf(other, "kraken", 288);
    const { want, passAt, ids } = setUp([asked, other]);
    await want({ pairs: [formatPair(asked)] });
    await passAt(LAST + seconds(86_401));
    expect(await ids()).toEqual([]);
    await passAt(LAST + seconds(86_400));
    expect(await ids()).toEqual([`silent:${formatPair(asked)}:kraken@${formatTime(LAST)}`]);
  });
});

it("takes twenty mean pauses, ten minutes at least, and of rare trades is unknown", () => {
  const of = (trades: number) => silentAfter({ trades, since: 0n, lastTrade: seconds(86_400) });
  expect([of(47), of(48), of(86_400), of(2_880), of(2_879)]).toEqual([
    null,
    seconds(36_000),
    seconds(600),
    seconds(600),
    seconds(600),
  ]);
});
