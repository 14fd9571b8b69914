import type { Command } from "commander";
import type { LedgerOptions } from "./client.ts";
import { addList } from "./list.ts";

/** How much of a message the table shows; JSON has all that is kept. */
const SHOWN = 100;

const HELP = `
A trade among them is a gap of its feed, which is asked for again every ten minutes: once an upgrade understands it, nothing else is
to be done. \`stellarindex control feeds show FEED\` lists the gaps that are left, \`stellarindex control backfill --feed FEED\` fetches a range
again.

Examples:
  stellarindex control messages --source kraken
  stellarindex control messages --json --limit 200 > messages.ndjson
`;

/** Adds `control messages`. */
export function addMessagesCommand(control: Command): void {
  addList<LedgerOptions & { source?: string }>(control.command("messages"), {
    path: "/unread-messages",
    description: "list the newest messages of venues that could not be understood",
    none: "no messages",
    columns: {
      MESSAGE: "message_id",
      SOURCE: "source",
      RECEIVED: "received_at",
      REASON: "reason",
      TEXT: ({ message }) => shown(message),
    },
    filters: ({ source }) => ({ source }),
  })
    .option("--source <source>", "only those of this source")
    .addHelpText("after", HELP);
}

/** Returns the begin of a message without what a terminal would take for a command. */
function shown(message: string): string {
  const text = message.replace(/\p{Cc}+/gu, " ");
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
