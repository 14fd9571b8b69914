import { z } from "zod";
import { InputError } from "../../canonical/input-error.ts";
import { formatPair, parsePair } from "../../canonical/pair.ts";
import { formatTime, seconds } from "../../canonical/time.ts";
import type { VenueGet } from "../../collect/connector.ts";
import { connectorNamed } from "../../collect/connectors.ts";
import { collectedFeed, HISTORY_KIND } from "../../collect/declare.ts";
import { HistoryGone, TradesUnread, VenueRefused, VenueThrottled } from "../../collect/failures.ts";
import { collectHistory } from "../../collect/history/collect-history.ts";
import { InvalidMessage } from "../../collect/wire.ts";
import { clearProblem, noteProblem } from "../../storage/control/collector-problems.ts";
import { keepUnread } from "../../storage/control/unread-messages.ts";
import { PermanentFailure, Throttled } from "../kind.ts";
import { defineKind, textField, timeField } from "./define-kind.ts";
import { inversionsOf } from "./inverted-feeds.ts";
import { venueAccess } from "./venue-access.ts";

const LONGEST_SECONDS = 86_400;

/** Fetches a window of a feed's trades from the venue's requests for history. */
export const collectHistoryKind = defineKind(
  {
    name: HISTORY_KIND,
    description: "fetch a window of a feed from its venue; the payload is the feed's, with from and to",
  },
  z
    .strictObject({
      feed: z.string().min(1),
      source: z.string().min(1),
      connector: textField((name) => connectorNamed(name).name),
      market: z.string().min(1),
      pair: textField((text) => formatPair(parsePair(text))),
      from: timeField,
      to: timeField,
    })
    .superRefine(({ connector, from, to }, context) => {
      const longest = Math.max(LONGEST_SECONDS, connectorNamed(connector).windowSeconds);
      if (to > from && to - from <= seconds(longest)) return;
      const message = `is not within ${longest / 86_400} ${longest === 86_400 ? "day" : "days"} after from`;
      context.addIssue({ code: "custom", path: ["to"], message });
    }),
  async ({ from, to, ...payload }, context, signal) => {
    const { database, tenant, job: lease, now } = context;
    if (to > now()) throw new InputError(`${formatTime(to)} is in the future`);
    const connector = connectorNamed(payload.connector);
    const { endpoint, get, download } = venueAccess(context, connector, payload.source, signal);
    const feed = collectedFeed(payload);
    let answer = "";
    const remembered: VenueGet = async (...request) => {
      answer = await get(...request);
      return answer;
    };
    const problem = { code: "market_refused", key: feed.feed } as const;
    const inversion = (await inversionsOf(context, [feed])).get(feed);
    if (inversion !== undefined) throw new PermanentFailure(inversion);
    try {
      const window = { feed, endpoint, from, to };
      const options = { connector, window, database, tenant, lease, get: remembered, download, now };
      const result = await collectHistory(options, signal);
      await clearProblem(database.sql, tenant, problem.code, problem.key);
      return { ...result };
    } catch (error) {
      if (error instanceof VenueThrottled) throw new Throttled(error.message, error);
      if (error instanceof TradesUnread || error instanceof HistoryGone) throw new PermanentFailure(error.message);
      if (error instanceof InvalidMessage) {
        await keepUnread(database.sql, tenant, [{ source: feed.source, reason: error.message, message: answer }]);
        throw new PermanentFailure(`the answer of ${feed.source} could not be understood: ${error.message}`);
      }
      if (!(error instanceof VenueRefused)) throw error;
      await noteProblem(database.sql, tenant, { ...problem, message: error.message });
      throw new PermanentFailure(error.message);
    }
  },
);
