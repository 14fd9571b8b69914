import { InputError } from "../canonical/input-error.ts";
import { endpointOf, type FeedToDeclare, feedOf } from "../collect/declare.ts";
import type { Config } from "../config/schema.ts";
import { connectorOf } from "../config/sections/feeds.ts";

/**
 * Returns the configured feeds with their connectors.
 * @throws InputError that names the feed whose pair is no market of its connector, or whose source has no address
 */
export function configuredFeeds({ feeds, collect }: Config): FeedToDeclare[] {
  return feeds.map((feed, index) => {
    // The configuration is refused where a feed has no connector.
    const connector = connectorOf(feed) ?? "";
    const declared = at(`feeds[${index}].pair`, () => feedOf({ ...feed, connector }));
    at(`feeds[${index}].source`, () => endpointOf(declared.connector, feed.source, collect.endpoints));
    return declared;
  });
}

function at<T>(place: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${place}: ${error.message}`) : error;
  }
}
