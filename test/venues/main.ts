import { startBinance } from "./binance.ts";
import { startBitstamp } from "./bitstamp.ts";
import { startCoinbase } from "./coinbase.ts";
import { startCoingecko } from "./coingecko.ts";
import { startEcb } from "./ecb.ts";
import { ISSUER, startHorizon } from "./horizon.ts";
import { startKraken } from "./kraken.ts";
import type { StandIn } from "./server.ts";
import { POOL, startStellarRpc } from "./stellar-rpc.ts";

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

/** Each venue with its pairs, and what it calls their market where that does not follow from the pair. */
const collected: readonly (readonly [venue: StandIn, pairs: readonly string[], market?: string])[] = [
  [await startKraken(IN_FIAT), IN_FIAT],
  [await startCoinbase(FIAT.map((pair) => pair.join("-"))), IN_FIAT],
  [await startBitstamp(), IN_DOLLARS],
  [await startBinance(), ["XLM/USDT", "BTC/USDT", "ETH/USDT"]],
  [await startHorizon(ON_LEDGER), ON_LEDGER],
  [await startStellarRpc("soroswap"), ON_LEDGER, POOL],
  [await startStellarRpc("aquarius"), ON_LEDGER, POOL],
  [await startStellarRpc("phoenix"), ON_LEDGER, POOL],
  [await startCoingecko(), IN_DOLLARS],
  [await startEcb(), ["EUR/USD", "EUR/GBP"]],
];
const venues = collected.map(([venue]) => venue);
const start = new Date(Date.now() - PAST_MS).toISOString();

for (const [{ source, live, rest, files }, pairs, market] of collected) {
  process.stdout.write(`[[collect.endpoints]]\nsource = "${source}"\nlive = "${live}"\nrest = "${rest}"\n`);
  process.stdout.write(files === undefined ? "\n" : `files = "${files}"\n\n`);
  for (const pair of pairs) {
    process.stdout.write(`[[feeds]]\nsource = "${source}"\npair = "${pair}"\nstart = "${start}"\n`);
    process.stdout.write(market === undefined ? "\n" : `market = "${market}"\n\n`);
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
