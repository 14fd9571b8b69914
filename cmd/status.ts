import type { Command } from "commander";
import { type LeaseOwners, readLeaseOwners } from "../internal/cache/lease-owners.ts";
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
Shows what Redis holds of every target of the configuration: the end of its bucket, how long ago that was, the price,
and how long it lives unless it is written anew. States:

  fresh       the bucket ended at most two intervals and the settle time ago
  late        longer ago: no aggregator runs, or it fails for this target, or publishes nothing for it any more
  missing     there is no value. That may be right: no trade is in the window, or the policy withholds the price;
              stellarindex compute says which
  unreadable  there is something, and it is no value of the target

Pairs without a value in any window are named below the table.

With [aggregate] replicas = "shared" it also shows which aggregator each target belongs to, and which there are; one that
has ended or hangs leaves the list when its lease ends.

The age is by this machine's clock. Prices of the table are rounded; those of --json are not.

Exit status: 0 when every value that is there is fresh, 1 when a target is late or unreadable, none has a value, or Redis
does not answer; 2 for wrong usage or configuration.

Examples:
  stellarindex status
  stellarindex status --json | jq '.targets[] | select(.state != "fresh") | .pair'
`;

/** Adds `status`. */
export function addStatusCommand(program: Command): void {
  program
    .command("status")
    .description("show what Redis holds of every target, and how old it is")
    .option("--json", "as JSON, one entry per target")
    .addHelpText("after", HELP)
    .action(async ({ json = false }: { json?: boolean }, command: Command) => {
      const { config } = loadConfigOf(command);
      if (config.redis.url === "memory:") {
        throw new UsageError(
          "redis.url is memory:, so that prices live in one process and are not seen from outside; " +
            "ask its API (/v1/price) and its /readyz and /metrics instead, or set redis.url to a Redis",
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
  const targets = states.map(({ pair, windowSeconds, state, to, ageSeconds, price, policy, livesSeconds }) => ({
    pair: formatPair(pair),
    window_seconds: windowSeconds,
    state,
    to,
    age_seconds: ageSeconds,
    price,
    policy,
    lives_seconds: livesSeconds,
    owner: shared?.owners.get(formatPair(pair)) ?? null,
  }));
  return JSON.stringify({ replicas: shared?.members ?? null, targets }, null, 2);
}

/** A line per target, one with how many are in which state and, where they are shared, one per aggregator. */
function statusTable(states: readonly TargetState[], shared: LeaseOwners | null): string[] {
  const head = [
    "pair",
    "window",
    "state",
    "bucket end",
    "age",
    "price",
    "lives",
    ...(shared === null ? [] : ["owner"]),
  ];
  const rows = states.map(({ pair, windowSeconds, state, to, ageSeconds, price, livesSeconds }) => [
    shortPair(formatPair(pair)),
    formatDuration(windowSeconds),
    state,
    to?.slice("2026-08-09T".length) ?? NONE,
    ageSeconds === null ? NONE : formatAge(ageSeconds),
    price === null ? NONE : Number(price).toPrecision(PRICE_DIGITS),
    livesSeconds === null ? NONE : Number.isFinite(livesSeconds) ? formatAge(livesSeconds) : "for ever",
    ...(shared === null ? [] : [numberOf(shared, formatPair(pair))]),
  ]);
  const counts = (["fresh", "late", "missing", "unreadable"] as const).map(
    (state) => `${states.filter((each) => each.state === state).length} ${state}`,
  );
  const members = shared?.members.map((member, index) => {
    const owned = [...shared.owners.values()].filter((owner) => owner === member).length;
    return `aggregator #${index + 1}: ${member}, ${owned} pairs`;
  });
  if (members?.length === 0) members.push("no aggregator shares the targets at the moment");
  const without = pairsWithoutValue(states).map(shortPair);
  return [
    ...alignColumns([head, ...rows], 3),
    "",
    counts.join(", "),
    ...(without.length > 0 ? [`no value in any window: ${without.join(", ")}`] : []),
    ...(members ?? []),
  ];
}

/** The owner by its place in the list of aggregators: their names would not fit. */
function numberOf({ members, owners }: LeaseOwners, pair: string): string {
  const owner = owners.get(pair);
  return owner === undefined ? NONE : `#${members.indexOf(owner) + 1}`;
}

/** Hours without their seconds; a bucket that ends after now, by this clock, has a negative age. */
function formatAge(seconds: number): string {
  if (seconds < 0) return `-${formatDuration(-seconds)}`;
  return formatDuration(seconds >= 3600 ? seconds - (seconds % 60) : seconds);
}

/** Keys of 56 characters would not fit a terminal. */
function shortPair(pair: string): string {
  return pair.replace(/([GC][A-Z2-7]{3})[A-Z2-7]{48}([A-Z2-7]{4})/g, "$1…$2");
}
