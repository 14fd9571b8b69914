import { InputError } from "../canonical/input-error.ts";
import { type FeedToDeclare, feedOf } from "../collect/declare.ts";
import type { Config } from "../config/schema.ts";
import { connectorOf } from "../config/sections/feeds.ts";

/**
 * Returns the configured feeds with their connectors.
 * @throws InputError that names the feed whose pair is no market of its connector
 */
export function configuredFeeds({ feeds }: Config): FeedToDeclare[] {
  return feeds.map((feed, index) => {
    // The configuration is refused where a feed has no connector.
    const connector = connectorOf(feed) ?? "";
    try {
      return feedOf({ ...feed, connector });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      throw new InputError(`feeds[${index}].pair: ${error.message}`);
    }
  });
}
