import { startBinance } from "./binance.ts";
import { startBitstamp } from "./bitstamp.ts";
import { startCoinbase } from "./coinbase.ts";
import { startCoingecko } from "./coingecko.ts";
import { startEcb } from "./ecb.ts";
import { ISSUER, startHorizon } from "./horizon.ts";
import { startKraken } from "./kraken.ts";
import type { StandIn } from "./server.ts";

// Starts stand-ins of all venues, lets trades happen, and prints the configuration that has them collected:
//   npx tsx test/venues/main.ts > /tmp/venues.toml
//   npx stellarindex --config /tmp/venues.toml start --live

/** Trades happen so often, one at each venue, in milliseconds. */
const EVERY_MS = 200;

/** So much of the past is to be fetched, in milliseconds. */
const PAST_MS = 900_000;

const FIAT = ["USD", "EUR", "GBP"].flatMap((quote) => ["XLM", "BTC", "ETH"].map((base) => [base, quote] as const));
const IN_FIAT = FIAT.map((pair) => pair.join("/"));
const IN_DOLLARS = IN_FIAT.slice(0, 3);
const ON_LEDGER = [`native/USDC-${ISSUER}`];

/** Each venue with its pairs. */
const collected: readonly (readonly [venue: StandIn, pairs: readonly string[]])[] = [
  [await startKraken(IN_FIAT), IN_FIAT],
  [await startCoinbase(FIAT.map((pair) => pair.join("-"))), IN_FIAT],
  [await startBitstamp(), IN_DOLLARS],
  [await startBinance(), ["XLM/USDT", "BTC/USDT", "ETH/USDT"]],
  [await startHorizon(ON_LEDGER), ON_LEDGER],
  [await startCoingecko(), IN_DOLLARS],
  [await startEcb(), ["EUR/USD", "EUR/GBP"]],
];
const venues = collected.map(([venue]) => venue);
const start = new Date(Date.now() - PAST_MS).toISOString();

for (const [{ source, live, rest, files }, pairs] of collected) {
  process.stdout.write(`[[collect.endpoints]]\nsource = "${source}"\nlive = "${live}"\nrest = "${rest}"\n`);
  process.stdout.write(files === undefined ? "\n" : `files = "${files}"\n\n`);
  for (const pair of pairs) {
    process.stdout.write(`[[feeds]]\nsource = "${source}"\npair = "${pair}"\nstart = "${start}"\n\n`);
  }
  if (source === "ecb") process.stdout.write(`[control]\nfx_url = "${rest}/"\n\n`);
}
const markets = venues.map((venue) => venue.markets.names());
let count = 0;
setInterval(() => {
  count++;
  for (const [index, venue] of venues.entries()) {
    const names = markets[index] ?? [];
    venue.trade(names[count % names.length] ?? "");
  }
}, EVERY_MS);
