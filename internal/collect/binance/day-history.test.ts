import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { formatDecimal } from "../../canonical/decimal.ts";
import { parsePair } from "../../canonical/pair.ts";
import { formatTime, parseTime } from "../../canonical/time.ts";
import { createHttpReader } from "../../http/client.ts";
import { serve } from "../../http/local-server.testing.ts";
import { makeZip } from "../../lib/zip.testing.ts";
import type { TradePage, VenueDownload, VenueGet } from "../connector.ts";
import { endpointOf } from "../declare.ts";
import { VenueThrottled, VenueUnavailable } from "../failures.ts";
import { makeVenueRequests } from "../venue-get.ts";
import { binance } from "./binance.ts";

const MARKET = "XLMUSDT";
const feed = { feed: "binance:XLM-USDT", source: "binance", pair: parsePair("XLM/USDT"), market: MARKET };
const NAME = (day: string) => `data/spot/daily/trades/${MARKET}/${MARKET}-trades-${day}.zip`;

/** A trade of an id at a time of the day, or of another day. */
interface Listed {
  readonly id: number;
  readonly at: string;
}
const DAY = "2026-08-29";
/** Trades of one day, with the last one of the day before, and the first one of the day after. */
const TRADES: readonly Listed[] = [
  { id: 99, at: "2026-08-28T23:59:59.999999Z" },
  { id: 100, at: `${DAY}T00:00:00Z` },
  { id: 101, at: `${DAY}T06:00:00.000001Z` },
  { id: 102, at: `${DAY}T06:00:00.000001Z` },
  { id: 103, at: `${DAY}T12:00:00Z` },
  { id: 104, at: `${DAY}T18:00:00.5Z` },
  { id: 105, at: "2026-08-30T00:00:00Z" },
];
const inDay = TRADES.slice(1, -1);

/** The venue's requests, which know all trades. */
function requestsOf(trades: readonly Listed[]) {
  const asked: string[] = [];
  const get: VenueGet = async ({ pathname, searchParams }) => {
    asked.push(`${pathname.split("/").at(-1)} ${searchParams.get("fromId") ?? searchParams.get("startTime")}`);
    const since = BigInt(searchParams.get("startTime") ?? "0");
    const from = Number(searchParams.get("fromId") ?? "0");
    const found = trades.filter(({ id, at }) => id >= from && parseTime(at) >= since);
    const entries = found.slice(0, Number(searchParams.get("limit")));
    return JSON.stringify(
      entries.map(({ id, at }) => ({
        ...{ id, price: "0.38110000", qty: `${id}.10000000`, time: Number(parseTime(at)) },
        ...{ a: id, f: id, l: id, T: Number(parseTime(at)) },
      })),
    );
  };
  return { asked, get };
}

/** A row as Binance writes it. */
const row = ({ id, at }: Listed) => {
  const micros = parseTime(at);
  const time = at < "2025" ? micros / 1000n : micros;
  return `${id},0.38110000,${id}.10000000,38.14811000,${time},True,True`;
};
const archive = (trades: readonly Listed[], day = DAY) =>
  makeZip([{ name: `${MARKET}-trades-${day}.csv`, content: trades.map((each) => `${row(each)}\n`).join("") }]);
const sumOf = (content: Buffer) => createHash("sha256").update(content).digest("hex");

async function directory(files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "stellarindex-day-"));
  onTestFinished(() => rm(path, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), content);
  }
  return path;
}

const noDownload: VenueDownload = () => Promise.reject(new Error("nothing is to be downloaded"));

async function read(
  get: VenueGet,
  files: string | undefined,
  [from, to] = [`${DAY}T00:00:00Z`, "2026-08-30T00:00:00Z"],
  download = noDownload,
) {
  const pages: TradePage[] = [];
  const window = {
    feed,
    endpoint: { ...endpointOf(binance, "binance", []), files },
    from: parseTime(from),
    to: parseTime(to),
  };
  for await (const page of binance.history(get, window, download)) pages.push(page);
  const trades = pages
    .flatMap((page) => page.trades)
    .filter(({ ts }) => ts >= window.from && ts < window.to)
    .map(({ tradeId, ts, baseAmount, quoteAmount, ...rest }) => ({
      ...{ tradeId, ts: formatTime(ts), base: formatDecimal(baseAmount), quote: formatDecimal(quoteAmount), rest },
    }));
  const complete = pages.flatMap((page) => page.complete ?? []);
  return { pages, trades, complete: complete.map((each) => `${formatTime(each.from)} ${formatTime(each.to)}`) };
}

describe("a window of Binance's history", () => {
  it("is read from the file of its day, with the very trades that requests give", async () => {
    const files = await directory({ [NAME(DAY)]: archive(inDay) });
    const { asked, get } = requestsOf(TRADES);
    const { trades, complete } = await read(get, files);
    expect(asked).toEqual(["historicalTrades 99", "historicalTrades 105"]);
    expect(complete).toEqual([`${DAY}T00:00:00Z 2026-08-30T00:00:00Z`]);
    expect(trades.map(({ tradeId }) => tradeId)).toEqual(["100", "101", "102", "103", "104"]);
    expect(trades).toEqual((await read(get, undefined)).trades);
  });

  it("covers what lies between neighbouring numbers, and no more", async () => {
    const files = (trades: readonly Listed[]) => directory({ [NAME(DAY)]: archive(trades) });
    const { get } = requestsOf(TRADES);
    const hole = await read(get, await files(inDay.filter(({ id }) => id !== 101)));
    expect(hole.complete).toEqual([
      // The trade with the missing number may have the time of a neighbour.
      `${DAY}T06:00:00.000002Z 2026-08-30T00:00:00Z`,
    ]);
    expect(hole.trades).toHaveLength(4);
    const ends = await read(get, await files(inDay.slice(1, -1)));
    expect(ends.complete).toEqual([`${DAY}T06:00:00.000002Z ${DAY}T12:00:00Z`]);
    const unreachable: VenueGet = () => Promise.reject(new Error("no route"));
    const alone = await read(unreachable, await files(inDay));
    expect(alone.complete).toEqual([`${DAY}T00:00:00.000001Z ${DAY}T18:00:00.5Z`]);
    expect(alone.trades).toHaveLength(5);
    const throttled: VenueGet = () => Promise.reject(new VenueThrottled("slow down", 429, 1));
    await expect(read(throttled, await files(inDay))).rejects.toThrow("slow down");
  });

  it("may be part of a day, and is asked for by request where that is little", async () => {
    const files = await directory({ [NAME(DAY)]: archive(inDay) });
    const { asked, get } = requestsOf(TRADES);
    const part = await read(get, files, [`${DAY}T05:00:00Z`, `${DAY}T12:00:00Z`]);
    expect(part.complete).toEqual([`${DAY}T05:00:00Z ${DAY}T12:00:00Z`]);
    expect(part.trades.map(({ tradeId }) => tradeId)).toEqual(["101", "102"]);
    asked.length = 0;
    await read(get, files, [`${DAY}T05:30:00Z`, `${DAY}T06:15:00Z`]);
    await read(get, files, [`${DAY}T23:00:00Z`, "2026-08-30T00:30:00Z"]);
    expect(asked.filter((each) => each.startsWith("aggTrades"))).toHaveLength(2);
  });

  it("is asked for by request where there is no file, or none with trades", async () => {
    const { asked, get } = requestsOf(TRADES);
    for (const files of [{}, { [NAME(DAY)]: archive([]) }]) {
      const { trades, complete } = await read(get, await directory(files));
      expect(trades).toHaveLength(5);
      expect(complete).toEqual([`${DAY}T00:00:00Z 2026-08-30T00:00:00Z`]);
    }
    expect(asked.filter((each) => each.startsWith("aggTrades"))).toHaveLength(2);
  });

  it("of before 2025 has times in milliseconds, and with a copy's header is read all the same", async () => {
    const day = "2024-12-31";
    const trades = [
      { id: 1, at: `${day}T00:00:00.123Z` },
      { id: 2, at: `${day}T00:00:01Z` },
    ];
    const content = `id,price,qty,quote_qty,time,is_buyer_maker,is_best_match\n${trades.map(row).join("\n")}`;
    const files = await directory({ [NAME(day)]: makeZip([{ name: "x.csv", content }]) });
    const found = await read(requestsOf(trades).get, files, [`${day}T00:00:00Z`, "2025-01-01T00:00:00Z"]);
    expect(found.trades.map(({ ts }) => ts)).toEqual(trades.map(({ at }) => at));
    expect(found.complete).toEqual([`${day}T00:00:00Z 2025-01-01T00:00:00Z`]);
  });

  it("is not read from a file that is damaged, or is not the one of its checksum", async () => {
    const { get } = requestsOf(TRADES);
    const whole = archive(inDay);
    const right = await directory({ [NAME(DAY)]: whole, [`${NAME(DAY)}.CHECKSUM`]: `${sumOf(whole)}  x.zip\n` });
    expect((await read(get, right)).trades).toHaveLength(5);
    const cases: [Record<string, string | Buffer>, string][] = [
      [{ [NAME(DAY)]: whole, [`${NAME(DAY)}.CHECKSUM`]: `${sumOf(Buffer.from("x"))}  x.zip\n` }, "the checksum"],
      [{ [NAME(DAY)]: whole.subarray(0, -30) }, "truncated or damaged"],
      [{ [NAME(DAY)]: makeZip([{ name: "x.csv", content: "x1,2" }]) }, 'id is "x1"'],
      [{ [NAME(DAY)]: makeZip([{ name: "x.csv", content: "1,2,3,4,5,6\n" }]) }, "time"],
    ];
    for (const [files, reason] of cases) {
      const error = await read(get, await directory(files)).catch((each: unknown) => each);
      expect(error).toBeInstanceOf(VenueUnavailable);
      expect(String(error)).toContain(reason);
      expect(String(error)).toContain("take it away");
    }
    const price = makeZip([{ name: "x.csv", content: inDay.map(row).join("\n").replace("0.38110000", "x") }]);
    const { pages } = await read(get, await directory({ [NAME(DAY)]: price }));
    expect(pages[0]?.unread).toMatchObject([{ reason: 'price is "x", not a number without a sign' }]);
    expect(pages[0]?.trades).toHaveLength(4);
  });

  it("is downloaded, verified, and leaves no file behind", async () => {
    const content = archive(inDay);
    const served = new Map<string, string | Buffer>([[`/${NAME(DAY)}`, content]]);
    const { url, received } = await serve(({ url: { pathname } }, response) => {
      const found = served.get(pathname);
      response.writeHead(found === undefined ? 404 : 200).end(found);
    });
    const { download } = makeVenueRequests(
      createHttpReader({ requestsPerMinute: 1000 }),
      async () => {},
      new AbortController().signal,
    );
    const left = async () => (await readdir(tmpdir())).filter((name) => name.startsWith("stellarindex-binance-"));
    const before = await left();
    const { get } = requestsOf(TRADES);
    const window: [string, string] = [`${DAY}T00:00:00Z`, "2026-08-30T00:00:00Z"];
    expect((await read(get, `${url}/`, window, download)).trades).toHaveLength(5);
    served.set(`/${NAME(DAY)}.CHECKSUM`, `${sumOf(content).toUpperCase()} *x.zip`);
    expect((await read(get, url, window, download)).trades).toHaveLength(5);
    served.set(`/${NAME(DAY)}.CHECKSUM`, "0");
    await expect(read(get, url, window, download)).rejects.toThrow("the checksum");
    served.clear();
    expect((await read(get, url, window, download)).trades).toHaveLength(5);
    expect(received.map((request) => request.url.pathname.split("/").at(-1))).toEqual([
      ...Array.from({ length: 3 }, () => [
        `${MARKET}-trades-${DAY}.zip`,
        `${MARKET}-trades-${DAY}.zip.CHECKSUM`,
      ]).flat(),
      `${MARKET}-trades-${DAY}.zip`,
    ]);
    expect(await left()).toEqual(before);
  });
});
