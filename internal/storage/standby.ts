import { earlierOf, laterOf, type Micros, seconds } from "../canonical/time.ts";
import type { Sql } from "./database.ts";

/** How much of the primary's trades a standby has. */
export interface ReplayPosition {
  /** Whatever the primary had committed by then is here, by the primary's clock. */
  readonly completeTo: Micros;
  /** Whether nothing newer is known of, and the primary was heard from lately: it is idle. */
  readonly isCaughtUp: boolean;
  /** How far it is behind, in seconds; 0 where it has caught up. */
  readonly lagSeconds: number;
}

/** What a standby says of itself. */
export interface StandbyState {
  /** By its own clock. */
  readonly now: Micros;
  /** What was committed last of all that it has replayed, or the checkpoint that it began from. */
  readonly replayedTo: Micros;
  /** Of the process that receives from the primary; null where there is none, or who asks may not see it. */
  readonly receiver: {
    /** Whether all is replayed that the primary is known to have written. */
    readonly isReplayed: boolean;
    /** When the last message was sent, by the primary's clock, and when it arrived. */
    readonly sentAt: Micros;
    readonly receivedAt: Micros;
    /** After half of these milliseconds without a word, the primary is asked for one; 0 where it never is. */
    readonly timeoutMs: bigint;
  } | null;
}

// Between the question and the answer of a primary that has nothing else to say.
const ANSWER_SECONDS = 5;
const DEFAULT_TIMEOUT_MS = 60_000n;

/**
 * Judges how far a standby is complete. The time of the last commit replayed says it, and where all is replayed, the time
 * of the primary's last message, which tells how far the primary had written. That the receiver believes to be connected
 * says nothing: it does so for a minute after the network was cut, or for ever while it is frozen.
 */
export function judgeStandby({ now, replayedTo, receiver }: StandbyState): ReplayPosition {
  if (receiver === null) return { completeTo: replayedTo, isCaughtUp: false, lagSeconds: secondsFrom(replayedTo, now) };
  const { isReplayed, sentAt, receivedAt, timeoutMs } = receiver;
  // No message arrives before it was sent: the primary's clock is ahead by so much at least.
  const ahead = sentAt > receivedAt ? sentAt - receivedAt : 0n;
  const completeTo = (isReplayed ? laterOf(replayedTo, sentAt) : replayedTo) - ahead;
  const silence = (timeoutMs || DEFAULT_TIMEOUT_MS) * 500n + seconds(ANSWER_SECONDS);
  const isCaughtUp = isReplayed && now - receivedAt <= silence;
  return { completeTo, isCaughtUp, lagSeconds: isCaughtUp ? 0 : secondsFrom(completeTo, now) };
}

interface Row {
  now: string;
  is_in_recovery: boolean;
  replayed: string | null;
  is_replayed: boolean | null;
  sent: string | null;
  received: string | null;
  timeout: string;
}

/**
 * The time by the database's clock, and how far a standby is complete; null of a primary. What is read after the answer
 * holds at least so much.
 */
export async function readPosition(sql: Sql): Promise<{ now: Micros; position: ReplayPosition | null }> {
  const [row] = await sql<Row[]>`
    SELECT
      (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text AS now,
      pg_is_in_recovery() AS is_in_recovery,
      CASE WHEN pg_is_in_recovery() THEN
        -- After its start, a standby has replayed no commit until there is one; what was before the checkpoint it has.
        (extract(epoch FROM GREATEST(
          pg_last_xact_replay_timestamp(), (SELECT checkpoint_time FROM pg_control_checkpoint())
        )) * 1000000)::bigint::text
      END AS replayed,
      -- Null for who has not the rights of pg_read_all_stats.
      receiver.status = 'streaming' AND pg_last_wal_replay_lsn() >= receiver.latest_end_lsn AS is_replayed,
      (extract(epoch FROM receiver.last_msg_send_time) * 1000000)::bigint::text AS sent,
      (extract(epoch FROM receiver.last_msg_receipt_time) * 1000000)::bigint::text AS received,
      (SELECT setting FROM pg_settings WHERE name = 'wal_receiver_timeout') AS timeout
    FROM (SELECT) AS one LEFT JOIN pg_stat_wal_receiver AS receiver ON true`;
  const now = BigInt(row?.now ?? "0");
  if (row === undefined || !row.is_in_recovery) return { now, position: null };
  const { replayed, is_replayed, sent, received, timeout } = row;
  const receiver =
    is_replayed === null || sent === null || received === null
      ? null
      : {
          isReplayed: is_replayed,
          sentAt: BigInt(sent),
          receivedAt: BigInt(received),
          timeoutMs: BigInt(timeout),
        };
  return { now, position: judgeStandby({ now, replayedTo: BigInt(replayed ?? "0"), receiver }) };
}

function secondsFrom(earlier: Micros, now: Micros): number {
  return Number(now - earlierOf(earlier, now)) / 1e6;
}
