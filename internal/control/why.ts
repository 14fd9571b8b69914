import { floorTo, formatTime, type Micros, seconds } from "../canonical/time.ts";
import type { JobFacts, Limit } from "../storage/control/job-facts.ts";

const DAY = seconds(86_400);

/** A condition that keeps a job from being leased now. */
export interface Obstacle {
  /** Stable code. */
  readonly code: string;
  readonly text: string;
  /** When it ends by itself; null if something else must happen first. */
  readonly until: Micros | null;
}

/** Names every condition that keeps a job from being leased now; an empty list means that it waits for a worker only. */
export function obstaclesOf(facts: JobFacts): Obstacle[] {
  const { state, now } = facts;
  if (state === "leased") {
    const { worker, leasedUntil } = facts;
    return [{ code: "leased", text: `it is leased to worker ${worker}`, until: leasedUntil }];
  }
  if (state !== "blocked" && state !== "ready") return [{ code: "ended", text: `it has ended: ${state}`, until: null }];
  const found: Obstacle[] = [];
  const add = (code: string, text: string, until: Micros | null = null) => found.push({ code, text, until });
  for (const { jobId, state: other } of facts.needs) add("dependency", `it needs job ${jobId}, which is ${other}`);
  if (facts.runAt > now) add("not_due", `it may start at ${formatTime(facts.runAt)}`, facts.runAt);
  for (const { scope, name, reason } of facts.pauses)
    add(`${scope}_paused`, `${scope === "tenant" ? "its tenant" : `${scope} ${name}`} is paused: ${reason}`);
  if (facts.blackout !== null) {
    const { until, reason } = facts.blackout;
    add("blackout", `a blackout lasts until ${formatTime(until)}: ${reason}`, until);
  }
  if (isReached(facts.tenantLeases))
    add("tenant_limit", `its tenant has ${counted(facts.tenantLeases)} jobs leased at once`);
  if (isReached(facts.sourceLeases))
    add("source_limit", `source ${facts.source} has ${counted(facts.sourceLeases)} jobs leased at once`);
  if (isReached(facts.tenantStartsToday)) {
    const midnight = floorTo(now, DAY) + DAY;
    add("daily_quota", `its tenant has started ${counted(facts.tenantStartsToday)} jobs of this day`, midnight);
  }
  addThrottle(facts, add);
  if (facts.ahead > 0) add("in_line", `${facts.ahead} ready jobs of its lane come first`);
  return found;
}

function addThrottle(
  { throttle, host, now }: JobFacts,
  add: (code: string, text: string, until: Micros) => void,
): void {
  if (throttle === null) return;
  const { bucket, notBefore } = throttle;
  if (notBefore !== null) {
    add("host_not_before", `host ${host} takes no requests before ${formatTime(notBefore)}`, notBefore);
  } else if (bucket !== null && bucket.tokens < 1) {
    const { tokens, rate } = bucket;
    const until = now + BigInt(Math.ceil(((1 - tokens) / rate) * 1e6));
    add("host_throttled", `host ${host} has no token left, at ${rate} a second`, until);
  }
}

function isReached(limit: Limit | null): limit is Limit {
  return limit !== null && limit.used >= limit.max;
}

function counted({ used, max }: Limit): string {
  return `${used} of at most ${max}`;
}
