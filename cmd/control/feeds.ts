import type { Command } from "commander";
import {
  type ActOptions,
  addActOptions,
  addLedgerOptions,
  type LedgerOptions,
  reasonOf,
  withControl,
} from "./client.ts";
import { addList } from "./list.ts";
import { parseObject, timeOf } from "./options.ts";
import { addShow, printFields } from "./show.ts";

interface DeclareOptions extends ActOptions {
  readonly kind: string;
  readonly start: string;
  readonly payload: string;
  readonly source: string;
  readonly host: string;
  readonly chunk: string;
}

interface CoverOptions extends LedgerOptions {
  readonly from?: string;
  readonly to?: string;
  readonly watermark?: string;
}

const HELP = `
Example:
  stellarindex control feeds declare kraken:XLM-USD --kind trades.fetch --source kraken --host api.kraken.com \\
    --payload '{"pair":"XLM/USD"}' --start 2026-01-01T00:00:00Z --reason "a new market"
`;

const pathOf = (feed: string) => `/feeds/${encodeURIComponent(feed)}`;

/** Adds `control feeds`. */
export function addFeedsCommands(control: Command): void {
  const feeds = control.command("feeds").description("see what is collected, how far it has come, and what is missing");
  addList(feeds.command("list", { isDefault: true }), {
    path: "/feeds",
    description: "list feeds by name",
    none: "no feeds",
    columns: { FEED: "feed", KIND: "kind", SOURCE: "source", START: "start_at", WATERMARK: "watermark" },
  });
  const show = feeds.command("show").argument("<feed>", "its name");
  addShow(show, "show a feed, the intervals that it covers, and its gaps", ([feed = ""]) => pathOf(feed));
  addActOptions(addLedgerOptions(feeds.command("declare")))
    .description("declare a feed, or change it")
    .argument("<feed>", "its name, such as kraken:XLM-USD")
    .requiredOption("--kind <kind>", "the kind of job that fetches a window of it")
    .requiredOption("--start <time>", "event time from which it is to be complete, RFC 3339")
    .option("--payload <json>", "what its jobs are given besides from and to", "{}")
    .option("--source <source>", "the source of its jobs", "")
    .option("--host <host>", "the host of its jobs", "")
    .option("--chunk <duration>", "length of a window where a backfill names none", "1h")
    .addHelpText("after", HELP)
    .action(async (feed: string, options: DeclareOptions, command: Command) => {
      const { kind, start, payload, source, host, chunk } = options;
      const body = {
        ...{ kind, source, host, chunk },
        start_at: timeOf("--start", start),
        payload: parseObject("--payload", payload),
        ...reasonOf(options),
      };
      printFields(await withControl(command, options, (call) => call("PUT", pathOf(feed), body)), options);
    });
  addLedgerOptions(feeds.command("cover"))
    .description("say what a feed has: an interval that is complete, or how far it has come")
    .argument("<feed>", "its name")
    .option("--from <time>", "start of the interval, RFC 3339")
    .option("--to <time>", "its end")
    .option("--watermark <time>", "event time that it has come to")
    .action(async (feed: string, { from, to, watermark, ...options }: CoverOptions, command: Command) => {
      const isGiven = from !== undefined || to !== undefined;
      const body = {
        intervals: isGiven ? [{ from: timeOf("--from", from ?? ""), to: timeOf("--to", to ?? "") }] : [],
        ...(watermark !== undefined && { watermark: timeOf("--watermark", watermark) }),
      };
      printFields(await withControl(command, options, (call) => call("POST", `${pathOf(feed)}/cover`, body)), options);
    });
  addActOptions(addLedgerOptions(feeds.command("remove")))
    .description("forget a feed and what it covers; its jobs stay")
    .argument("<feed>", "its name")
    .action(async (feed: string, options: ActOptions, command: Command) => {
      const path = `${pathOf(feed)}/remove`;
      printFields(await withControl(command, options, (call) => call("POST", path, reasonOf(options))), options);
    });
}
