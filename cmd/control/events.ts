import type { Command } from "commander";
import { stopSignal } from "../../internal/daemon/stop-signal.ts";
import { readEventStream, type StreamEvent } from "../../internal/lib/event-stream.ts";
import { textOf } from "../usage-error.ts";
import { addLedgerOptions, type LedgerOptions, print, withControl } from "./client.ts";

const HELP = `
With --json each line has event, id and data; give the last id to --after, and nothing that happened since is left out.

Examples:
  stellarindex control events
  stellarindex control events --json | jq -c 'select(.event == "incident") | .data'
`;

interface Options extends LedgerOptions {
  readonly after?: string;
}

/** Adds `control events`. */
export function addEventsCommand(control: Command): void {
  addLedgerOptions(control.command("events"))
    .description("print transitions, incidents and throttles as they happen, until it is stopped")
    .option("--after <id>", "begin after this position, which an earlier call printed")
    .addHelpText("after", HELP)
    .action(async ({ after, ...options }: Options, command: Command) => {
      const signal = stopSignal();
      const headers = { ...(after !== undefined && { "Last-Event-ID": textOf("--after", after, 20) }) };
      const show = options.json ? jsonOf : lineOf;
      await withControl(command, options, async (_call, open) => {
        const { body } = await open("/events", headers);
        if (body === null) return;
        const stopped = body.pipeThrough(new TransformStream(), { signal });
        try {
          for await (const event of readEventStream(stopped)) print(show(event));
        } catch (error) {
          if (!signal.aborted) throw error;
        }
      });
    });
}

function jsonOf({ event, id, data }: StreamEvent): string {
  return `{"event":${JSON.stringify(event)},"id":${JSON.stringify(id)},"data":${data}}`;
}

function lineOf({ event, data }: StreamEvent): string {
  const shown = JSON.parse(data);
  if (event === "transition") {
    const { at, job_id, kind, from, to, attempt, worker, reason, message } = shown;
    const more = [worker, reason, message].filter((part) => part !== null).map((part) => ` ${part}`);
    return `${at} job ${job_id} ${kind} ${from ?? "new"} -> ${to} (attempt ${attempt})${more.join("")}`;
  }
  if (event === "incident") {
    const { incident_id, is_open, code, key, message } = shown;
    return `incident ${incident_id} ${is_open ? "open" : "closed"}: ${code} ${key}: ${message}`;
  }
  if (event === "throttle") {
    const { host, is_slowed, rate, max_rate, not_before } = shown;
    const pace = rate === null ? "" : `, ${rate} of ${max_rate} a second`;
    return `throttle ${host}: ${is_slowed ? `slowed down${pace}${not_before === null ? "" : `, waits until ${not_before}`}` : "over"}`;
  }
  return "events were left out; read the lists anew";
}
