import type { ReplayPosition } from "../storage/standby.ts";
import { channel, type EventChannel } from "./events.ts";

/** The database has answered: a standby that is so far complete, or the primary, where it is null. */
export interface DatabaseAnsweredEvent {
  readonly position: ReplayPosition | null;
}

export const databaseAnswered: EventChannel<DatabaseAnsweredEvent> = channel("stellarindex:database:answered");
