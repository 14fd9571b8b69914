import type { Command } from "commander";
import { formatTime, type Micros, parseTime } from "../../internal/canonical/time.ts";
import { EVENTS_TENANT } from "../../internal/storage/events/event.ts";
import { type ListedEvent, listEvents } from "../../internal/storage/events/list.ts";
import { print } from "../control/client.ts";
import { wholeNumber } from "../control/numbers.ts";
import { alignColumns } from "../table.ts";
import { parseOption } from "../usage-error.ts";
import { printable, withEventsDatabase } from "./events-database.ts";

const HELP = `
Undelivered is what has a delivery that is under way, dead, failed or cancelled.

Examples:
  stellarindex events list --type 'order.*' --from 2026-08-09T00:00:00Z
  stellarindex events list --undelivered --destination crm --json
`;

interface Options {
  readonly type?: string;
  readonly destination?: string;
  readonly undelivered?: true;
  readonly from?: string;
  readonly to?: string;
  readonly limit: string;
  readonly json?: true;
}

/** Adds `events list`. */
export function addListCommand(events: Command): void {
  events
    .command("list")
    .description("list events, the newest first, with the state of each delivery")
    .option("--type <type>", "only events of this type, or that begin so: 'order.*'")
    .option("--destination <name>", "only events with a delivery to it")
    .option("--undelivered", "only events with a delivery, to that destination if one is given, that was not delivered")
    .option("--from <time>", "recorded at this time or later")
    .option("--to <time>", "recorded before this time")
    .option("--limit <count>", "the most events", "50")
    .option("--json", "print JSON, an event a line")
    .addHelpText("after", HELP)
    .action(async (options: Options, command: Command) => {
      const { type = null, destination = null, undelivered = false, json } = options;
      const [from, to] = [timeOf("--from", options.from), timeOf("--to", options.to)];
      const limit = wholeNumber("--limit", options.limit, 1, 10_000);
      await withEventsDatabase(command, async ({ sql }) => {
        const selection = { type, destination, isUndelivered: undelivered, from, to, limit };
        const found = await listEvents(sql, EVENTS_TENANT, selection);
        if (json) for (const event of found) print(JSON.stringify(documentOf(event)));
        else if (found.length === 0) print("no events");
        else for (const line of tableOf(found)) print(line);
      });
    });
}

/**
 * Returns the time of an option; null where it is not given.
 * @throws UsageError where it is none
 */
export function timeOf(option: string, text: string | undefined): Micros | null {
  return text === undefined ? null : parseOption(option, () => parseTime(text));
}

function documentOf({ recordedAt, deliveries, ...event }: ListedEvent) {
  return { ...event, recorded_at: formatTime(recordedAt), destinations: deliveries };
}

function tableOf(found: readonly ListedEvent[]): string[] {
  const rows = found.map(({ recordedAt, sender, id, type, pair, deliveries }) =>
    [
      ...[formatTime(recordedAt), sender || "-", id, type, pair ?? "-"],
      deliveries.map(({ destination, state }) => `${destination} ${state}`).join(", ") || "-",
    ].map(printable),
  );
  const head = ["RECORDED", "SENDER", "ID", "TYPE", "PAIR", "DELIVERIES"];
  return alignColumns([head, ...rows], head.length);
}
