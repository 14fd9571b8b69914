import { Markets, withExponent } from "./market.ts";
import { type StandIn, startStandIn } from "./server.ts";

/** A stand-in of CoinGecko: `simple/price`, whose quotes are the last trades of its markets. */
export async function startCoingecko(
  names: readonly string[] = ["stellar/usd", "bitcoin/usd", "ethereum/usd"],
): Promise<StandIn> {
  const markets = new Markets(names);
  const { faults } = markets;
  const standIn = await startStandIn({
    ...{ source: "coingecko", markets },
    receive: () => {},
    told: () => "",
    answer: ({ pathname, searchParams }) => {
      if (pathname !== "/api/v3/simple/price") return undefined;
      const list = (name: string): string[] => (searchParams.get(name) ?? "").split(",");
      // What is not known is left out.
      const coins = list("ids").flatMap((id) => {
        const quotes = list("vs_currencies").flatMap((currency) => {
          const last = markets.of(`${id}/${currency}`).at(-1);
          return last === undefined ? [] : [{ currency, ...last }];
        });
        const updated = quotes.reduce((latest, { ts }) => (ts > latest ? ts : latest), 0n) / 1_000_000n;
        const prices = quotes.map(({ currency, price }) => {
          const shown = faults.wrongPrices ? `"about ${price}"` : faults.exponents ? withExponent(price) : price;
          return `"${currency}":${shown}`;
        });
        return quotes.length === 0 ? [] : [`"${id}":{${prices.join(",")},"last_updated_at":${updated}}`];
      });
      return { body: `{${coins.join(",")}}` };
    },
  });
  const api = `${standIn.rest}/api/v3`;
  return { ...standIn, live: api, rest: api };
}
