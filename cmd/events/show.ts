import type { Command } from "commander";
import type { TraceDocument } from "../../internal/ingest/gateway/event-schema.ts";
import { EVENTS_PATH } from "../../internal/ingest/gateway/post-event.ts";
import { traceDocument } from "../../internal/ingest/gateway/trace-document.ts";
import { EVENTS_TENANT } from "../../internal/storage/events/event.ts";
import { readTraces } from "../../internal/storage/events/trace.ts";
import { print } from "../control/client.ts";
import { announcedEndpoint } from "../control/local-endpoint.ts";
import { loadConfigOf } from "../settings.ts";
import { alignColumns } from "../table.ts";
import { printable, withEventsDatabase } from "./events-database.ts";

const HELP = `
Without a configured database it asks a \`stellarindex start\` of the same user.

Examples:
  stellarindex events show 17
  stellarindex events show 17 --sender shop --json
`;

interface Options {
  readonly sender?: string;
  readonly json?: true;
}

/** Adds `events show`. */
export function addShowCommand(events: Command): void {
  events
    .command("show")
    .description("show where an event is: each destination, and each attempt")
    .argument("<id>", "of the event")
    .option("--sender <name>", "whose event it is, where several senders have this id; empty for the index's own")
    .option("--json", "print JSON, as GET /v1/events/{id} answers it; a line for each sender")
    .addHelpText("after", HELP)
    .action(async (id: string, { json, ...given }: Options, command: Command) => {
      const sender = given.sender ?? null;
      const gateway = gatewayOf(command);
      const show = (trace: TraceDocument) => {
        if (json) print(JSON.stringify(trace));
        else for (const line of linesOf(trace)) print(printable(line));
      };
      if (gateway !== null) show(await ask(gateway, id, sender));
      else {
        await withEventsDatabase(command, async ({ sql }) => {
          const traces = await readTraces(sql, EVENTS_TENANT, id, sender);
          if (traces.length === 0)
            throw new Error(`there is no event ${JSON.stringify(id)}; what is in the journal is not yet found`);
          for (const trace of traces) show(traceDocument(trace));
        });
      }
    });
}

/** Returns the gateway of a `start` of this user; null where a database is configured. */
function gatewayOf(command: Command): string | null {
  const isConfigured = loadConfigOf(command).origins.get("database.url")?.from !== "default";
  return isConfigured ? null : (announcedEndpoint()?.gateway ?? null);
}

async function ask(gateway: string, id: string, sender: string | null): Promise<TraceDocument> {
  const query = sender === null ? "" : `?${new URLSearchParams({ sender })}`;
  const response = await fetch(`${gateway}${EVENTS_PATH}/${encodeURIComponent(id)}${query}`);
  const answer = (await response.json()) as TraceDocument & { detail?: string };
  if (response.ok) return answer;
  throw new Error(answer.detail ?? `the gateway answered ${response.status}`);
}

function linesOf(trace: TraceDocument): string[] {
  const { id, sender, type, pair, received_at, recorded_at, traceparent, conflicts, is_archived, destinations } = trace;
  return [
    `event ${id} of ${sender || "the index itself"}: ${type}${pair === null ? "" : ` of ${pair}`}`,
    `received ${received_at}, recorded ${recorded_at}`,
    ...(traceparent === null ? [] : [`traceparent ${traceparent}`]),
    ...(conflicts === 0 ? [] : [`came again with other data: ${conflicts}`]),
    ...(is_archived ? ["only the archive has its data"] : []),
    ...(destinations.length === 0 ? ["it has no delivery on record"] : destinations.flatMap(deliveryLines)),
  ];
}

function deliveryLines(delivery: TraceDocument["destinations"][number]): string[] {
  const { destination, state, paused_reason, next_try_at, job_id, attempts_made, attempts } = delivery;
  const paused = paused_reason === null ? "" : `: ${paused_reason}`;
  const next = next_try_at === null ? "" : `, next try ${next_try_at}`;
  const rows = attempts.map(({ attempt, started_at, outcome, status, latency_ms, reason, detail }) => [
    ...[`  ${attempt}`, started_at, outcome, status === null ? "-" : String(status)],
    ...[latency_ms === null ? "-" : `${latency_ms} ms`, reason ?? "-", detail ?? "-"],
  ]);
  const head = ["  ATTEMPT", "STARTED", "OUTCOME", "STATUS", "LATENCY", "REASON", "DETAIL"];
  const left =
    attempts_made > attempts.length ? [`  (the latest ${attempts.length} of ${attempts_made} attempts)`] : [];
  return [
    `${destination}: ${state}${paused}${next} (job ${job_id})`,
    ...left,
    ...(rows.length === 0 ? [] : alignColumns([head, ...rows], head.length)),
  ];
}
