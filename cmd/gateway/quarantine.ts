import { type Command, Option } from "commander";
import { formatTime } from "../../internal/canonical/time.ts";
import { policySettings } from "../../internal/config/schema.ts";
import { openMigratedDatabase } from "../../internal/daemon/migrated-database.ts";
import { makeEventWriter } from "../../internal/ingest/event-writer.ts";
import { EVENT_TYPE } from "../../internal/ingest/gateway/quarantined-event.ts";
import { type RetryOutcome, retryEntry } from "../../internal/ingest/gateway/retry-entry.ts";
import { retryEvent } from "../../internal/ingest/gateway/retry-event.ts";
import { makeTradeWriter } from "../../internal/ingest/trade-writer.ts";
import { stopwatch, systemClock } from "../../internal/lib/clock.ts";
import { makePolicy } from "../../internal/policy/policy.ts";
import type { Database } from "../../internal/storage/connection/database.ts";
import { EVENTS_TENANT } from "../../internal/storage/events/event.ts";
import {
  dropFromQuarantine,
  QUARANTINE_KINDS,
  type QuarantineEntry,
  type QuarantineKind,
  readQuarantine,
  readQuarantineEntry,
} from "../../internal/storage/ingest/quarantine.ts";
import { wholeNumber } from "../control/numbers.ts";
import { loadConfigOf, namedDatabase, requireExisting } from "../settings.ts";
import { alignColumns } from "../table.ts";
import { UsageError } from "../usage-error.ts";

const HELP = `
Entries are of three kinds. conflict: a trade that is stored with other amounts. refused: an acknowledged trade that cannot
be stored, such as one of a market that is stored inverted; or such an event. malformed: a body, or lines of one, that cannot
be read.

Examples:
  stellarindex gateway quarantine list --kind conflict
  stellarindex gateway quarantine show 17
  stellarindex gateway quarantine retry 17      # once the stored trade was deleted, say
  stellarindex gateway quarantine drop 17
`;

const REASON_WIDTH = 80;

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Adds `gateway quarantine`. */
export function addQuarantineCommands(gateway: Command): void {
  const quarantine = gateway
    .command("quarantine")
    .description("see, retry and drop what could not be stored")
    .addHelpText("after", HELP);
  quarantine
    .command("list")
    .description("list entries, the newest first")
    .addOption(new Option("--kind <kind>", "only entries of this kind").choices(QUARANTINE_KINDS))
    .option("--limit <count>", "the most entries", "50")
    .option("--before <id>", "go on where an earlier list ended")
    .action(async ({ kind, limit, before }: { kind?: QuarantineKind; limit: string; before?: string }, command) => {
      const most = wholeNumber("--limit", limit, 1, 10_000);
      const end = before === undefined ? null : idOf("--before", before);
      await withQuarantine(command, async ({ sql }) => {
        const entries = await readQuarantine(sql, { kind: kind ?? null, before: end, limit: most });
        if (entries.length === 0) print("no entries");
        else for (const line of tableOf(entries)) print(line);
      });
    });
  quarantine
    .command("show")
    .description("print what was sent")
    .argument("<id>", "of the entry")
    .action((id: string, _options: unknown, command: Command) =>
      withEntry(id, command, async (_database, entry) => {
        process.stderr.write(`${describe(entry)}\n`);
        process.stdout.write(process.stdout.isTTY ? withoutControls(entry.content) : entry.content);
        print("");
      }),
    );
  quarantine
    .command("retry")
    .description("store it, and drop the entry if all of it is stored; exit with 1 otherwise")
    .argument("<id>", "of the entry")
    .action((id: string, _options: unknown, command: Command) => withEntry(id, command, retry(command)));
  quarantine
    .command("drop")
    .description("remove an entry")
    .argument("<id>", "of the entry")
    .action((id: string, _options: unknown, command: Command) =>
      withEntry(id, command, async ({ sql }, { entryId }) => {
        await dropFromQuarantine(sql, entryId);
        print(`dropped entry ${entryId}`);
      }),
    );
}

function retry(command: Command) {
  return async (database: Database, entry: QuarantineEntry): Promise<void> => {
    const isEvent = entry.contentType === EVENT_TYPE;
    const { isDone, stored, reason } = isEvent
      ? await retryEvent(entry, makeEventWriter(database, EVENTS_TENANT))
      : await retryTrades(database, entry, command);
    const what = isEvent ? "events" : "trades";
    if (!isDone) throw new Error(`entry ${entry.entryId} stays, ${stored} of its ${what} are stored: ${reason}`);
    await dropFromQuarantine(database.sql, entry.entryId);
    print(`stored ${stored} ${what} of entry ${entry.entryId}, and dropped it`);
  };
}

function retryTrades(database: Database, entry: QuarantineEntry, command: Command): Promise<RetryOutcome> {
  const policy = makePolicy(policySettings(loadConfigOf(command).config));
  const write = makeTradeWriter(database, policy, { now: systemClock.now, stopwatch });
  return retryEntry(entry, write, systemClock.now);
}

async function withQuarantine(command: Command, work: (database: Database) => Promise<void>): Promise<void> {
  const database = await openMigratedDatabase(requireExisting(namedDatabase(loadConfigOf(command))));
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

function withEntry(
  id: string,
  command: Command,
  work: (database: Database, entry: QuarantineEntry) => Promise<void>,
): Promise<void> {
  const entryId = idOf("<id>", id);
  return withQuarantine(command, async (database) => {
    const entry = await readQuarantineEntry(database.sql, entryId);
    if (entry === null) throw new Error(`there is no entry ${entryId}; stellarindex gateway quarantine list shows all`);
    await work(database, entry);
  });
}

/** Returns a text whose control characters do nothing to the terminal of whoever looks at what a sender wrote. */
function withoutControls(content: Uint8Array): string {
  return Buffer.from(content)
    .toString()
    .replace(/[^\P{Cc}\t\n]/gu, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

function idOf(option: string, text: string): bigint {
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw new UsageError(`${option}: ${JSON.stringify(text)} is not the number of an entry`);
}

function tableOf(entries: readonly QuarantineEntry[]): string[] {
  const rows = entries.map(({ entryId, receivedAt, kind, sender, content, reason }) => [
    ...[String(entryId), formatTime(receivedAt), kind, sender || "-", String(content.length)],
    reason.length > REASON_WIDTH ? `${reason.slice(0, REASON_WIDTH)}…` : reason,
  ]);
  return alignColumns([["ID", "RECEIVED", "KIND", "SENDER", "BYTES", "REASON"], ...rows], 6);
}

function describe({ entryId, kind, sender, receivedAt, reason, isCut }: QuarantineEntry): string {
  const cut = isCut ? ", only its start is kept" : "";
  return `entry ${entryId}: ${kind}, from ${sender || "no key"} at ${formatTime(receivedAt)}${cut}: ${reason}`;
}
