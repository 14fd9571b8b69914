import { formatPair } from "../../canonical/pair.ts";
import { marketRefused } from "../../collect/events.ts";
import type { CollectedFeed } from "../../collect/feed.ts";
import { noteProblem } from "../../storage/control/collector-problems.ts";
import type { KindContext } from "../kind.ts";

type Context = Pick<KindContext, "database" | "tenant" | "invertedOf">;

/**
 * Returns why feeds must not be collected whose trades are stored in the inverse orientation, such as from an import: a price uses
 * one orientation only, so that the others would silently be missing.
 */
export async function inversionsOf(
  { invertedOf }: Pick<Context, "invertedOf">,
  feeds: readonly CollectedFeed[],
): Promise<ReadonlyMap<CollectedFeed, string>> {
  const inverted = await invertedOf(feeds.map(({ pair, source }) => ({ ...pair, source })));
  return new Map([...inverted].flatMap((index) => (feeds[index] === undefined ? [] : [reasonOf(feeds[index])])));
}

function reasonOf(feed: CollectedFeed): [CollectedFeed, string] {
  const inverse = formatPair({ base: feed.pair.quote, quote: feed.pair.base });
  const reason = `trades of ${feed.source} are stored as ${inverse}, and a market has one orientation; delete these with \`stellarindex trades delete --pair ${inverse} --source ${feed.source}\`, and import them as ${formatPair(feed.pair)}, or remove the feed`;
  return [feed, reason];
}

/**
 * Returns a function that leaves out feeds whose trades are stored in the inverse orientation. The ledger is told each time, since the
 * problem is over once a feed is subscribed; others once.
 */
export function makeInversionFilter({
  database,
  tenant,
  invertedOf,
}: Context): (feeds: readonly CollectedFeed[]) => Promise<CollectedFeed[]> {
  let told: ReadonlySet<string> = new Set();
  return async (feeds) => {
    const inversions = await inversionsOf({ invertedOf }, feeds);
    for (const [{ feed, source }, reason] of inversions) {
      await noteProblem(database.sql, tenant, { code: "market_refused", key: feed, message: reason });
      if (!told.has(feed)) marketRefused.publish({ source, feed, reason });
    }
    told = new Set([...inversions.keys()].map(({ feed }) => feed));
    return feeds.filter((feed) => !inversions.has(feed));
  };
}
