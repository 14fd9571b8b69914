import { formatTime, MICROS_PER_SECOND, type Micros } from "../../canonical/time.ts";
import type { Failure } from "../../storage/control/failures.ts";
import type { EndedJobs, IncidentFacts } from "../../storage/control/incident-facts.ts";
import type { Finding, IncidentCode } from "../../storage/control/incidents.ts";
import { clusterOf } from "./cluster.ts";

const MINUTE = 60n * MICROS_PER_SECOND;
/** Lost leases count for so long. */
const LOSS_WINDOW = 10n * MINUTE;
const MANY_LOSSES = 5;
const THROTTLED_FOR = 15n * MINUTE;
/** Connections are cut now and then. */
const UNREACHABLE_FOR = MINUTE;
const LATE_BY = 5n * MINUTE;
/** Of the jobs that end, so many may fail. */
const ERROR_BUDGET = 0.01;
/** At this rate an hour uses up 2 % of the budget of 30 days (Google's Site Reliability Workbook, chapter 5). */
const FAST_BURN = 14.4;
/** Of fewer jobs a share says nothing. */
const FEWEST_ENDED = 20;

type Rule = (facts: IncidentFacts) => readonly Finding[];

/** A rule for each code: it finds what is wrong now, and no longer finds what is over. */
export const RULES: Readonly<Record<IncidentCode, Rule>> = {
  worker_lost: (facts) =>
    groupsOf(lossesOf(facts), ({ worker }) => worker ?? "unknown").map(([worker, lost]) =>
      ofFailures("worker_lost", worker, lost, `worker ${worker} was lost with ${lost.length} of its jobs`),
    ),
  lease_losses: (facts) =>
    groupsOf(lossesOf(facts), ({ kind }) => kind)
      .filter(([, lost]) => lost.length >= MANY_LOSSES)
      .map(([kind, lost]) =>
        ofFailures("lease_losses", kind, lost, `${lost.length} leases of ${kind} were lost within 10 minutes`),
      ),
  dead_letters: ({ deadLetters }) =>
    deadLetters.map(({ kind, count, firstJob, lastJob, reason, message }) => ({
      code: "dead_letters",
      key: kind,
      firstJob,
      lastJob,
      count,
      message: `${count} dead ${count === 1 ? "job" : "jobs"} of ${kind}, the newest by ${reason}`,
      cluster: clusterOf(message ?? reason),
    })),
  throttled_long: ({ now, slowedHosts }) =>
    slowedHosts
      .filter(({ since }) => now - since >= THROTTLED_FOR)
      .map(({ host, since, hits }) => ({
        ...withoutJobs("throttled_long", host, hits),
        message: `${host} has been slowed down since ${formatTime(since)}`,
      })),
  schedule_late: ({ now, lateSchedules }) =>
    lateSchedules
      .filter(({ tick }) => now - tick >= LATE_BY)
      .map(({ name, tick }) => ({
        ...withoutJobs("schedule_late", name, 1),
        message: `the tick of ${name} at ${formatTime(tick)} has no job`,
      })),
  gap: ({ gaps }) =>
    gaps.map(({ feed, gaps: count, from }) => ({
      ...withoutJobs("gap", feed, count),
      message: `${feed} has ${count} ${count === 1 ? "gap" : "gaps"}, the first from ${formatTime(from)}`,
    })),
  artifact_mismatch: ({ mismatches }) =>
    mismatches.map(({ inputsKey, count, firstJob, lastJob }) => ({
      code: "artifact_mismatch",
      key: inputsKey,
      firstJob,
      lastJob,
      count,
      message: `the inputs ${inputsKey} gave another artifact than the first time`,
      cluster: null,
    })),
  venue_unreachable: ({ now, collectorProblems }) =>
    collectorProblems
      .filter(({ code, since }) => code === "venue_unreachable" && now - since >= UNREACHABLE_FOR)
      .map(({ key, message, since }) => ({
        ...withoutJobs("venue_unreachable", key, 1),
        message: `${key} has not been reached since ${formatTime(since)}: ${message}`,
      })),
  market_refused: ({ collectorProblems }) =>
    collectorProblems
      .filter(({ code }) => code === "market_refused")
      .map(({ key, message }) => ({
        ...withoutJobs("market_refused", key, 1),
        message: `${key} is not collected: ${message}`,
      })),
  unread_messages: ({ unread }) =>
    unread.map(({ source, count, reason }) => ({
      ...withoutJobs("unread_messages", source, count),
      message: `${count} ${count === 1 ? "message" : "messages"} of ${source} could not be understood, the newest because ${reason}`,
    })),
  slo_burn: ({ ended }) =>
    ended.filter(isBurning).map(({ kind, ended: all, failed }) => ({
      ...withoutJobs("slo_burn", kind, failed),
      message: `${failed} of the last ${all} jobs of ${kind} failed`,
    })),
};

/** Returns what is wrong, each once. */
export function findingsOf(facts: IncidentFacts): Finding[] {
  return Object.values(RULES).flatMap((rule) => rule(facts));
}

/** Both windows, so that it opens on what is more than a moment and closes soon after it is over. */
function isBurning({ ended, failed, endedLately, failedLately }: EndedJobs): boolean {
  const limit = FAST_BURN * ERROR_BUDGET;
  return ended >= FEWEST_ENDED && failed / ended > limit && endedLately > 0 && failedLately / endedLately > limit;
}

function lossesOf({ now, failures }: { readonly now: Micros; readonly failures: readonly Failure[] }): Failure[] {
  return failures.filter(({ reason, at }) => reason === "worker_lost" && now - at < LOSS_WINDOW);
}

/** @param failures newest first, at least one */
function ofFailures(code: IncidentCode, key: string, failures: readonly Failure[], message: string): Finding {
  const firstJob = failures.at(-1)?.jobId ?? null;
  return { code, key, firstJob, lastJob: failures[0]?.jobId ?? null, count: failures.length, message, cluster: null };
}

function withoutJobs(code: IncidentCode, key: string, count: number) {
  return { code, key, firstJob: null, lastJob: null, count, cluster: null };
}

/** Returns values by a key, in the order in which the keys first come. */
export function groupsOf<T>(values: readonly T[], keyOf: (value: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return [...groups];
}
