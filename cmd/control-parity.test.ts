import { Command } from "commander";
import { expect, it } from "vitest";
import { unreachableDatabase } from "../internal/api/v1/api.testing.ts";
import { makeEventHub } from "../internal/control/stream/hub.ts";
import { createControlApp } from "../internal/control/v1/app.ts";
import { stopwatch } from "../internal/lib/clock.ts";
import { addControlCommand } from "./control.ts";

/** The command that calls each operation of the control API. */
const COMMANDS: Readonly<Record<string, string>> = {
  listJobs: "jobs list",
  getJob: "jobs show",
  submitJob: "jobs submit",
  cancelJobs: "jobs cancel",
  retryJobs: "jobs retry",
  prioritizeJobs: "jobs prioritize",
  getTenant: "tenant show",
  setQuota: "tenant quota",
  pauseTenant: "tenant pause",
  resumeTenant: "tenant resume",
  listSources: "sources list",
  setSource: "sources set",
  removeSource: "sources remove",
  listThrottles: "throttles list",
  setThrottle: "throttles set",
  removeThrottle: "throttles remove",
  listPauses: "pauses list",
  pause: "pauses pause",
  resume: "pauses resume",
  listBlackouts: "blackouts list",
  addBlackout: "blackouts add",
  removeBlackout: "blackouts remove",
  listDeadLetters: "dead-letters list",
  redriveDeadLetters: "dead-letters redrive",
  listAuditLog: "audit list",
  listIncidents: "incidents list",
  acknowledgeIncident: "incidents acknowledge",
  listFailures: "failures",
  listUnreadMessages: "messages",
  followEvents: "events",
  listFeeds: "feeds list",
  getFeed: "feeds show",
  declareFeed: "feeds declare",
  coverFeed: "feeds cover",
  removeFeed: "feeds remove",
  listRuns: "runs list",
  getRun: "runs show",
  listRunWindows: "runs windows",
  cancelRun: "runs cancel",
  retryRun: "runs retry",
  previewRun: "backfill",
  createRun: "backfill",
  listSchedules: "schedules list",
  getSchedule: "schedules show",
  putSchedule: "schedules set",
  pauseSchedule: "schedules pause",
  resumeSchedule: "schedules resume",
  removeSchedule: "schedules remove",
  listArtifacts: "artifacts",
};

/** Calls of workers, which have SDKs, and the description of the API. */
const OF_PROGRAMS = ["claimJobs", "extendLeases", "reportJobs", "grantTokens", "getOpenApi"];

it("the commands can do what the control API can", async () => {
  const database = unreachableDatabase();
  const settings = { requestTimeoutSeconds: 10, maxInFlight: 10, maxConnections: 1 };
  const app = createControlApp({ database, events: makeEventHub(database.sql), stopwatch, settings });
  const answer = await app.fetch(new Request("http://control/control/v1/openapi.json"), {});
  const { paths } = (await answer.json()) as { paths: Record<string, Record<string, { operationId: string }>> };
  const operations = Object.values(paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  );
  expect(operations.sort()).toEqual([...Object.keys(COMMANDS), ...OF_PROGRAMS].sort());

  const program = new Command("stellarindex");
  addControlCommand(program);
  const control = program.commands.find((command) => command.name() === "control");
  expect(leavesOf(control as Command).sort()).toEqual([...new Set(Object.values(COMMANDS))].sort());
});

/** Returns the commands below one that do something themselves. */
function leavesOf(command: Command): string[] {
  return command.commands.flatMap((child) => {
    const below = leavesOf(child);
    return below.length === 0 ? [child.name()] : below.map((name) => `${child.name()} ${name}`);
  });
}
