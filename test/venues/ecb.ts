import { Markets } from "./market.ts";
import { type StandIn, startStandIn } from "./server.ts";

const DAY_MS = 86_400_000;
/** Rates of a day are there from this hour on, in UTC. */
const HOUR = 15;
const ALL_DAYS = 600;
const NINETY_DAYS = 90;

/** A stand-in of the European Central Bank: its three XML files, with rates of each day from Monday to Friday. */
export async function startEcb(currencies: readonly string[] = ["USD", "GBP"]): Promise<StandIn> {
  const markets = new Markets(currencies);
  const spans = new Map([
    ["eurofxref-daily.xml", null],
    ["eurofxref-hist-90d.xml", NINETY_DAYS],
    ["eurofxref-hist.xml", ALL_DAYS],
  ]);
  const standIn = await startStandIn({
    ...{ source: "ecb", markets },
    receive: () => {},
    told: () => "",
    answer: (url, request) => {
      const span = spans.get(url.pathname.slice(1));
      if (span === undefined) return undefined;
      const days = daysUntil(Number(markets.now() / 1000n));
      const some = span === null ? days.slice(0, 1) : days.filter((day) => day > (days[0] ?? 0) - span * DAY_MS);
      const headers = { etag: `"${some[0]}-${some.length}"`, "content-type": "text/xml" };
      if (request.headers["if-none-match"] === headers.etag) return { status: 304, body: "", headers };
      const cubes = some.map((day) => {
        const rates = currencies.map((code) => `<Cube currency='${code}' rate='${ecbRate(code, day)}'/>`);
        return `<Cube time='${dateOf(day)}'>${rates.join("")}</Cube>`;
      });
      return {
        body: `<?xml version="1.0" encoding="UTF-8"?>\n<Envelope><Cube>${cubes.join("\n")}</Cube></Envelope>`,
        headers,
      };
    },
  });
  return { ...standIn, live: standIn.rest, trade: () => {} };
}

/** The days of which there are rates, the newest first, as milliseconds since 1970. */
export function daysUntil(nowMs: number): readonly number[] {
  const last = Math.floor((nowMs - HOUR * 3_600_000) / DAY_MS);
  return Array.from({ length: ALL_DAYS }, (_, ago) => (last - ago) * DAY_MS).filter(
    (day) => ![0, 6].includes(new Date(day).getUTCDay()),
  );
}

export function dateOf(day: number): string {
  return new Date(day).toISOString().slice(0, 10);
}

/** The rate of a day follows from the day, so that it is the same in each file. */
export function ecbRate(code: string, day: number): string {
  const index = (day / DAY_MS) % 97;
  return code === "USD" ? `1.${1000 + index}` : `0.${8600 + index}`;
}
