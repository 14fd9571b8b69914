import { earlierOf, laterOf, type Micros, seconds } from "../../canonical/time.ts";
import type { Sql } from "./pool.ts";

/** How far a standby has replayed its primary. */
export interface ReplayPosition {
  /** Everything that the primary committed up to this time of its clock is replayed. */
  readonly completeTo: Micros;
  /** Whether all received WAL is replayed and the primary sent a message recently. */
  readonly isCaughtUp: boolean;
  /** Replication lag in seconds; 0 if caught up. */
  readonly lagSeconds: number;
}

/** Replication state as read from a standby. */
export interface StandbyState {
  /** By its own clock. */
  readonly now: Micros;
  /** Commit time of the last replayed transaction, or the time of the checkpoint that replay started from. */
  readonly replayedTo: Micros;
  /** State of the WAL receiver; null if there is none, or the role may not see it. */
  readonly receiver: {
    /** Whether all WAL that the primary has reported is replayed. */
    readonly isReplayed: boolean;
    /** When the last message was sent, by the primary's clock, and when it arrived, by the standby's. */
    readonly sentAt: Micros;
    readonly receivedAt: Micros;
    /** wal_receiver_timeout: after half of it without a message the receiver asks for one; 0 means never. */
    readonly timeoutMs: bigint;
  } | null;
}

// Allowance for the reply of an idle primary to the receiver's request.
const REPLY_SECONDS = 5;
const DEFAULT_TIMEOUT_MS = 60_000n;

/**
 * Computes a standby's replay position: the time of the last replayed commit or, if all WAL is replayed, of the
 * primary's last message, which carries its WAL position. The receiver's status is not used: it stays `streaming` for a
 * minute after the network was cut, and forever while the receiver is frozen.
 */
export function judgeStandby({ now, replayedTo, receiver }: StandbyState): ReplayPosition {
  if (receiver === null) return { completeTo: replayedTo, isCaughtUp: false, lagSeconds: secondsFrom(replayedTo, now) };
  const { isReplayed, sentAt, receivedAt, timeoutMs } = receiver;
  // A message cannot arrive before it was sent: the primary's clock is ahead by at least the difference.
  const ahead = sentAt > receivedAt ? sentAt - receivedAt : 0n;
  const completeTo = (isReplayed ? laterOf(replayedTo, sentAt) : replayedTo) - ahead;
  const longestSilence = (timeoutMs || DEFAULT_TIMEOUT_MS) * 500n + seconds(REPLY_SECONDS);
  const isCaughtUp = isReplayed && now - receivedAt <= longestSilence;
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
 * Reads the database's clock and the replay position of a standby (null for a primary). Statements that start after it
 * see at least that position.
 */
export async function readPosition(sql: Sql): Promise<{ now: Micros; position: ReplayPosition | null }> {
  const [row] = await sql<Row[]>`
    SELECT
      (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text AS now,
      pg_is_in_recovery() AS is_in_recovery,
      CASE WHEN pg_is_in_recovery() THEN
        -- Right after its start a standby has replayed no commit, but it has everything before the checkpoint.
        (extract(epoch FROM GREATEST(
          pg_last_xact_replay_timestamp(), (SELECT checkpoint_time FROM pg_control_checkpoint())
        )) * 1000000)::bigint::text
      END AS replayed,
      -- Null without the privileges of pg_read_all_stats.
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
