import { InputError } from "../../canonical/input-error.ts";
import type { Connector } from "../connector.ts";
import { marketCode } from "../market-code.ts";
import { decodeEcb } from "./decode.ts";
import { fileUrl } from "./files.ts";
import { ecbHistory } from "./history.ts";
import { pauseSeconds } from "./timetable.ts";

const FILES = "https://www.ecb.europa.eu/stats/eurofxref/";

/** Reference rates of the European Central Bank, by its XML files; see README.md. */
export const ecb: Connector = {
  name: "ecb",
  source: "ecb",
  endpoint: { live: FILES, rest: FILES },
  // The bank names no limit.
  pace: { maxRate: 0.2, burst: 5 },
  // An interval goes on while no question is left out: less than a day is between two.
  evidence: "connection",
  marketOf: ({ base, quote }) => {
    if (base === "fiat:EUR" && quote.startsWith("fiat:") && quote !== base) return marketCode("ecb", quote);
    throw new InputError(`ecb has rates of one euro in other currencies only; write a pair such as EUR/USD`);
  },
  live: {
    transport: {
      headers: () => ({ accept: "application/xml" }),
      pauseSeconds: (_endpoint, answer, now) => pauseSeconds(answer, now),
    },
    url: ({ live }) => fileUrl(live, "daily"),
    subscribe: () => [],
    decode: decodeEcb,
    ping: null,
    silenceSeconds: null,
    probe: null,
  },
  history: ecbHistory,
  historyUnit: 1n,
  historySeconds: null,
  // A window of any length is one request or two.
  windowSeconds: 100 * 366 * 86_400,
};
