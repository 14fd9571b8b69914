import type { Command } from "commander";
import { type LeaseOwners, readLeaseOwners } from "../internal/cache/redis/lease-owners.ts";
import { pairsWithoutValue, type TargetState } from "../internal/cache/target-state.ts";
import { formatDuration } from "../internal/canonical/duration.ts";
import { formatPair } from "../internal/canonical/pair.ts";
import { readTargets } from "../internal/doctor/read-targets.ts";
import { loadConfigOf } from "./settings.ts";
import { alignColumns } from "./table.ts";
import { UsageError } from "./usage-error.ts";

const FAILURE = 1;
const NONE = "–";
const PRICE_DIGITS = 8;

const HELP = `
Shows the published value of every configured target: the end of its bucket, its age, the price and the TTL. States:

  fresh       the bucket ended at most two intervals and the settle time ago
  late        longer ago: no aggregator runs, or it fails for this target, or publishes nothing for it any more
  missing     there is no value. This can be correct: the window has no trades, or the policy withholds the price;
              stellarindex compute prints the reason
  unreadable  the key exists, but does not contain a value of the target

Pairs without a value in any window are listed below the table.

With [aggregate] replicas = "shared" it also lists the aggregators, and shows which one owns each target; an aggregator
that has stopped or hangs leaves the list when its lease expires.

The age is measured with this machine's clock. The table rounds prices; --json does not.

Exit status: 0 when every value is fresh, 1 when a target is late or unreadable, no target has a value, or Redis does
not answer; 2 for wrong usage or configuration.

Examples:
  stellarindex status
  stellarindex status --json | jq '.targets[] | select(.state != "fresh") | .pair'
`;

/** Adds `status`. */
export function addStatusCommand(program: Command): void {
  program
    .command("status")
    .description("show the published value of every target, and its age")
    .option("--json", "as JSON, one entry per target")
    .addHelpText("after", HELP)
    .action(async ({ json = false }: { json?: boolean }, command: Command) => {
      const { config } = loadConfigOf(command);
      if (config.redis.url === "memory:") {
        throw new UsageError(
          "redis.url is memory:, so the prices are inside one process and cannot be read from another; " +
            "use its API (/v1/price), /readyz and /metrics instead, or set redis.url to a Redis server",
        );
      }
      const { aggregate, redis } = config;
      const [states, shared] = await Promise.all([
        readTargets(config),
        aggregate.replicas === "shared" ? readLeaseOwners(redis.url, redis.key_prefix) : null,
      ]);
      const lines = json ? [statusJson(states, shared)] : statusTable(states, shared);
      process.stdout.write(`${lines.join("\n")}\n`);
      if (!isWell(states)) process.exitCode = FAILURE;
    });
}

function isWell(states: readonly TargetState[]): boolean {
  return states.some(({ state }) => state === "fresh") && states.every(({ state }) => /^(fresh|missing)$/.test(state));
}

function statusJson(states: readonly TargetState[], shared: LeaseOwners | null): string {
  const targets = states.map(({ pair, windowSeconds, state, to, ageSeconds, price, policy, ttlSeconds }) => ({
    pair: formatPair(pair),
    window_seconds: windowSeconds,
    state,
    to,
    age_seconds: ageSeconds,
    price,
    policy,
    lives_seconds: ttlSeconds,
    owner: shared?.owners.get(formatPair(pair)) ?? null,
  }));
  return JSON.stringify({ replicas: shared?.members ?? null, targets }, null, 2);
}

/**
 * Returns a line per target, one with the number of targets per state and, with shared replicas, one per aggregator.
 */
function statusTable(states: readonly TargetState[], shared: LeaseOwners | null): string[] {
  const head = ["pair", "window", "state", "bucket end", "age", "price", "TTL", ...(shared === null ? [] : ["owner"])];
  const rows = states.map(({ pair, windowSeconds, state, to, ageSeconds, price, ttlSeconds }) => [
    shortPair(formatPair(pair)),
    formatDuration(windowSeconds),
    state,
    to?.slice("2026-08-09T".length) ?? NONE,
    ageSeconds === null ? NONE : formatAge(ageSeconds),
    price === null ? NONE : Number(price).toPrecision(PRICE_DIGITS),
    ttlSeconds === null ? NONE : Number.isFinite(ttlSeconds) ? formatAge(ttlSeconds) : "for ever",
    ...(shared === null ? [] : [numberOf(shared, formatPair(pair))]),
  ]);
  const counts = (["fresh", "late", "missing", "unreadable"] as const).map(
    (state) => `${states.filter((each) => each.state === state).length} ${state}`,
  );
  const members = shared?.members.map((member, index) => {
    const owned = [...shared.owners.values()].filter((owner) => owner === member).length;
    return `aggregator #${index + 1}: ${member}, ${owned} pairs`;
  });
  if (members?.length === 0) members.push("no aggregator is running");
  const without = pairsWithoutValue(states).map(shortPair);
  return [
    ...alignColumns([head, ...rows], 3),
    "",
    counts.join(", "),
    ...(without.length > 0 ? [`no value in any window: ${without.join(", ")}`] : []),
    ...(members ?? []),
  ];
}

/** Returns the owner's number in the list of aggregators, as names are too long for the table. */
function numberOf({ members, owners }: LeaseOwners, pair: string): string {
  const owner = owners.get(pair);
  return owner === undefined ? NONE : `#${members.indexOf(owner) + 1}`;
}

/** Formats a duration, without seconds from an hour on; negative where the bucket ends in the future by this clock. */
function formatAge(seconds: number): string {
  if (seconds < 0) return `-${formatDuration(-seconds)}`;
  return formatDuration(seconds >= 3600 ? seconds - (seconds % 60) : seconds);
}

/** Shortens issuer and contract keys, whose 56 characters are too long for a terminal. */
function shortPair(pair: string): string {
  return pair.replace(/([GC][A-Z2-7]{3})[A-Z2-7]{48}([A-Z2-7]{4})/g, "$1…$2");
}
