import { z } from "zod";
import { connectorNamed } from "../../collect/connectors.ts";
import { LIVE_KIND, readCollectedFeeds } from "../../collect/declare.ts";
import { VenueThrottled } from "../../collect/failures.ts";
import { makeGapFiller } from "../../collect/history/gaps.ts";
import { collectLive } from "../../collect/live/collect-live.ts";
import { stopwatch } from "../../lib/clock.ts";
import { slowDown } from "../../storage/control/throttles.ts";
import { defineKind, textField } from "./define-kind.ts";
import { makeInversionFilter } from "./inverted-feeds.ts";
import { venueAccess } from "./venue-access.ts";

/** How long a host is left alone that asks for fewer requests and says no time. */
const THROTTLED_SECONDS = 5;

/** Collects the declared feeds of a source as their trades happen, until the job is cancelled. */
export const collectLiveKind = defineKind(
  {
    name: LIVE_KIND,
    description: "collect the feeds of a source as their trades happen, until cancelled; fields source and connector",
    isEndless: true,
  },
  z.strictObject({ source: z.string().min(1), connector: textField((name) => connectorNamed(name).name) }),
  async ({ source, connector: name }, context, signal) => {
    const { database, tenant, job: lease, now } = context;
    const connector = connectorNamed(name);
    const { endpoint, get, ask } = venueAccess(context, connector, source, signal);
    const { host } = new URL(endpoint.rest);
    const withoutInverted = makeInversionFilter(context);
    const fill = makeGapFiller(
      database,
      tenant,
      { ...connector, hasDayFiles: endpoint.files !== undefined },
      stopwatch,
    );
    async function slowingDown<T>(answer: Promise<T>): Promise<T> {
      try {
        return await answer;
      } catch (error) {
        if (!(error instanceof VenueThrottled)) throw error;
        await slowDown(database.sql, tenant, host, error.retryAfterSeconds ?? THROTTLED_SECONDS);
        throw error;
      }
    }
    await collectLive(
      {
        ...{ connector, endpoint, source, database, tenant, lease, now, stopwatch, random: Math.random },
        get: (...asked) => slowingDown(get(...asked)),
        ask: (url, headers) => slowingDown(ask(url, headers)),
        readFeeds: async () => withoutInverted(await readCollectedFeeds(database, tenant, source, name)),
        fillGaps: ({ feed }) => fill(feed),
      },
      signal,
    );
    // It ends by its signal only: the job is handed back, or was cancelled.
    throw signal.reason;
  },
);
