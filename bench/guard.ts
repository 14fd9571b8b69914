import { existsSync } from "node:fs";
import type { Bench } from "./bench.ts";
import { attacks } from "./guard/attacks.ts";
import { crash } from "./guard/crash.ts";
import { honestBuckets } from "./guard/real.ts";
import { realSpike } from "./guard/spike.ts";
import { freshSpikes, heldLevels, lastingMoves } from "./guard/staged.ts";

const LEGEND = `adopted: the rule of docs/guard.md. any hour: hours of less than 100 USD count as well. or H24: a value may be near
to the median of the last 24 hours instead. H3, H9: of three hours or nine instead of five. 7 days: none older. by quote:
a median weighted by quote volume. M30: the median of the last 30 minutes with trades of a day. VWAP 24h: of the day
before. P5: the median of the last five windows of the same length with trades. Factor 2; one venue where nothing else is
said; a bucket each 30 s, for staged windows of 24 h each 5 min; no floor and no outlier filter, which withhold more.`;

/** A study rather than a benchmark, of the recent price that the guard compares a value with. */
export const guard: Bench = {
  summary: "rules for the guard's recent price, on real trades and staged ones",
  isNamedOnly: true,
  run: async () => {
    console.log(LEGEND);
    lastingMoves();
    freshSpikes();
    heldLevels();
    attacks();
    crash();
    const folder = process.env["STELLARINDEX_REAL_DATA"] ?? "../shared/data/trades";
    if (existsSync(folder)) {
      realSpike(folder);
      honestBuckets(folder);
    } else console.log(`no real trades in ${folder}: STELLARINDEX_REAL_DATA names their folder`);
  },
};
