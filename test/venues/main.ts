import { startBinance } from "./binance.ts";
import { startBitstamp } from "./bitstamp.ts";
import { startCoinbase } from "./coinbase.ts";
import { ISSUER, startHorizon } from "./horizon.ts";
import { startKraken } from "./kraken.ts";
import type { StandIn } from "./server.ts";

// Starts stand-ins of all venues, lets trades happen, and prints the configuration that has them collected:
//   npx tsx test/venues/main.ts > /tmp/venues.toml
//   npx stellarindex --config /tmp/venues.toml start --live

/** Trades happen so often, one at each venue, in milliseconds. */
const EVERY_MS = 200;

const FIAT = ["USD", "EUR", "GBP"].flatMap((quote) => ["XLM", "BTC", "ETH"].map((base) => [base, quote] as const));
const venues: readonly StandIn[] = [
  await startKraken(FIAT.map((pair) => pair.join("/"))),
  await startCoinbase(FIAT.map((pair) => pair.join("-"))),
  await startBitstamp(),
  await startBinance(),
  await startHorizon([`native/USDC-${ISSUER}`]),
];

for (const { source, live, rest } of venues) {
  process.stdout.write(`[[collect.endpoints]]\nsource = "${source}"\nlive = "${live}"\nrest = "${rest}"\n\n`);
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
