import { z } from "@hono/zod-openapi";
import { formatTime } from "../../canonical/time.ts";
import { Problem } from "../../http/problem.ts";
import type { ApiApp } from "../../http/route.ts";
import { listSchedules, MISSED, OVERLAPS, readSchedule, type Schedule } from "../../storage/control/schedules.ts";
import {
  deleteSchedule,
  holdSchedule,
  putSchedule,
  releaseSchedule,
  type ScheduleAction,
} from "../schedules/actions.ts";
import type { ControlService } from "./context.ts";
import { limitField, pageFrom, pageOf, reasonFields, reasonSchema, shownTime } from "./fields.ts";
import { CONTROL_PROBLEMS } from "./problems.ts";
import { addControlRoute } from "./route.ts";
import { durationField, kindField, payloadField } from "./work-fields.ts";

const TAG = "Schedules";

const scheduleSchema = z
  .object({
    name: z.string(),
    kind: z.string(),
    payload: z.unknown(),
    cron: z.string().nullable(),
    every_seconds: z.int().nullable(),
    time_zone: z.string(),
    missed: z.enum(MISSED),
    overlap: z.enum(OVERLAPS),
    jitter_seconds: z.int(),
    is_configured: z.boolean().openapi({ description: "it comes from the configuration, which alone changes it" }),
    paused_reason: z.string().nullable(),
    next_at: z.string().openapi({ description: "the next tick that has no job yet" }),
    last_at: z.string().nullable(),
    last_job: z.string().nullable().openapi({ description: "the job of the last tick that got one" }),
    skipped_ticks: z.int().openapi({ description: "ticks without a job, as the one before had not ended" }),
    skipped_at: z.string().nullable().openapi({ description: "the last of them" }),
  })
  .openapi("Schedule");

const EXAMPLE = {
  name: "prune",
  kind: "retention.prune",
  payload: {},
  cron: "15 4 * * *",
  every_seconds: null,
  time_zone: "Europe/Berlin",
  missed: "coalesce",
  overlap: "skip",
  jitter_seconds: 600,
  is_configured: true,
  paused_reason: null,
  next_at: "2026-08-10T02:15:00Z",
  last_at: null,
  last_job: null,
  skipped_ticks: 0,
  skipped_at: null,
};

const nameField = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "is no name of a schedule, such as nightly-prune");
const params = z.strictObject({ schedule: nameField });
const listQuery = z.strictObject({ limit: limitField, cursor: nameField.optional() });
const page = pageOf(scheduleSchema).openapi("Schedules");
const changedSchema = z.object({ changed: z.boolean() });

const newScheduleSchema = z
  .strictObject({
    kind: kindField,
    payload: payloadField,
    cron: z.string().max(200).nullable().default(null).openapi({ example: "15 4 * * *" }),
    every: durationField(1).nullable().default(null).openapi({ description: "either this or cron" }),
    time_zone: z.string().max(64).default("UTC"),
    missed: z.enum(MISSED).default("coalesce"),
    overlap: z
      .enum(OVERLAPS)
      .default("skip")
      .openapi({ description: "what becomes of a tick while the job of the one before has not ended" }),
    jitter: durationField(0, 86_400).default(0),
    ...reasonFields,
  })
  .openapi("NewSchedule");

/** Adds the routes of schedules. */
export function addSchedulesRoutes(app: ApiApp, service: ControlService): void {
  const { sql } = service.database;
  const shownOf = async (tenant: string, name: string) => {
    const found = await readSchedule(sql, tenant, name);
    if (found === null) throw new Problem(CONTROL_PROBLEMS["not-found"], `there is no schedule ${name}`);
    return shownSchedule(found);
  };
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/schedules",
      tag: TAG,
      operationId: "listSchedules",
      summary: "Schedules by name",
      description: "Lists the tenant's schedules. `next` is the `cursor` of the next page.",
      scope: "control:read",
      query: listQuery,
      answer: page,
      example: { data: [EXAMPLE], next: null },
    },
    async ({ tenant, query: { limit, cursor = null } }) =>
      pageFrom(await listSchedules(sql, tenant, cursor, limit + 1), limit, ({ name }) => name, shownSchedule),
  );
  addControlRoute(
    app,
    service,
    {
      method: "get",
      path: "/schedules/{schedule}",
      tag: TAG,
      operationId: "getSchedule",
      summary: "One schedule",
      description: "A schedule with its next and its last tick.",
      scope: "control:read",
      params,
      answer: scheduleSchema,
      example: EXAMPLE,
      problems: [CONTROL_PROBLEMS["not-found"]],
    },
    ({ tenant, params: { schedule } }) => shownOf(tenant, schedule),
  );
  addControlRoute(
    app,
    service,
    {
      method: "put",
      path: "/schedules/{schedule}",
      tag: TAG,
      operationId: "putSchedule",
      summary: "Stores a schedule, or changes it",
      description: "One whose times stay the same keeps its next tick. Those of the configuration are refused.",
      scope: "control:operate",
      params,
      body: newScheduleSchema,
      answer: scheduleSchema,
      example: { ...EXAMPLE, is_configured: false },
      problems: [CONTROL_PROBLEMS.refused],
    },
    async ({ tenant, actor, params: { schedule: name }, body }) => {
      const { kind, payload, cron, every, time_zone, missed, overlap, jitter, reason, ticket } = body;
      const times = { cron, everySeconds: every, timeZone: time_zone };
      const given = { name, kind, payload, ...times, missed, overlap, jitterSeconds: jitter, isConfigured: false };
      await putSchedule(sql, { tenant, name: actor, reason, ticket }, given);
      return shownOf(tenant, name);
    },
  );
  addScheduleAction(app, service, "pause", "Makes no jobs until it is resumed.", holdSchedule);
  addScheduleAction(
    app,
    service,
    "resume",
    "Goes on with the next tick; those of the pause get no jobs.",
    releaseSchedule,
  );
  addScheduleAction(app, service, "remove", "Its jobs stay. Those of the configuration are refused.", deleteSchedule);
}

function addScheduleAction(
  app: ApiApp,
  service: ControlService,
  verb: "pause" | "resume" | "remove",
  description: string,
  act: ScheduleAction,
): void {
  addControlRoute(
    app,
    service,
    {
      method: "post",
      path: `/schedules/{schedule}/${verb}`,
      tag: TAG,
      operationId: `${verb}Schedule`,
      summary: `${verb[0]?.toUpperCase()}${verb.slice(1)}s a schedule`,
      description,
      scope: "control:operate",
      params,
      body: reasonSchema,
      answer: changedSchema,
      example: { changed: true },
      problems: [CONTROL_PROBLEMS.refused],
    },
    async ({ tenant, actor, params: { schedule }, body: { reason, ticket } }) => ({
      changed: await act(service.database.sql, { tenant, name: actor, reason, ticket }, schedule),
    }),
  );
}

function shownSchedule(schedule: Schedule) {
  const { name, kind, payload, cron, missed, overlap } = schedule;
  return {
    ...{ name, kind, payload, cron },
    every_seconds: schedule.everySeconds,
    time_zone: schedule.timeZone,
    missed,
    overlap,
    jitter_seconds: schedule.jitterSeconds,
    is_configured: schedule.isConfigured,
    paused_reason: schedule.pausedReason,
    next_at: formatTime(schedule.nextAt),
    last_at: shownTime(schedule.lastAt),
    last_job: schedule.lastJobId === null ? null : String(schedule.lastJobId),
    skipped_ticks: schedule.skippedTicks,
    skipped_at: shownTime(schedule.skippedAt),
  };
}
