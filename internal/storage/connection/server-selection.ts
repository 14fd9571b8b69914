import { asError } from "../../lib/as-error.ts";
import { connectionError } from "./errors.ts";
import { bestOf, isLeftBehind, type Role, type ServerState, type WantedRoles } from "./roles.ts";

/** Selects one of several servers of a database. */
export interface ServerSelection {
  /**
   * Returns the index of the server to connect to: the selected one, else the best of those that answer.
   * @throws Error with the reason for each server
   */
  current(): Promise<number>;
  /** Reports that a connection to the server was lost or failed: the next `current` selects again. */
  lost(index: number): void;
  /** Stops looking for a better server. */
  stop(): void;
}

export interface SelectionSettings {
  readonly names: readonly string[];
  /** Acceptable roles, best first; null for the first server that answers. */
  readonly wanted: WantedRoles | null;
  /** Reads a server's state; must have a timeout. */
  readonly ask: (index: number) => Promise<ServerState>;
  /** Called with a server of the best role: connections to all others are to be drained. */
  readonly onBetter: (index: number) => void;
}

/** Interval of the search for a better server. */
const RECHECK_MS = 5_000;
/** Wait for the other servers once an acceptable one has answered. */
const GRACE_MS = 1_000;

/**
 * Selects a server by role and timeline, and searches for a better one while the selected one has not the best role.
 */
export function selectServer({ names, wanted, ask, onBetter }: SelectionSettings): ServerSelection {
  const best = wanted === null ? null : wanted[0];
  let newest = 0;
  let choosing: Promise<number> | null = null;
  let chosen: { readonly index: number; readonly role: Role } | null = null;
  let timer: NodeJS.Timeout | null = null;

  async function survey(): Promise<{ index: number; role: Role }> {
    const states: (ServerState | Error | null)[] = names.map(() => null);
    await new Promise<void>((resolve) => {
      const asked = names.map(async (_name, index) => {
        const state = await ask(index).catch(asError);
        states[index] = state;
        if (!(state instanceof Error) && (best === null || state.role === best)) setTimeout(resolve, GRACE_MS).unref();
      });
      Promise.all(asked).then(() => resolve());
    });
    newest = Math.max(
      newest,
      ...states.map((state) => (state === null || state instanceof Error ? 0 : state.timeline)),
    );
    const roles = states.map((state) =>
      state === null || state instanceof Error || isLeftBehind(state, newest) ? null : state.role,
    );
    const index = bestOf(roles, wanted);
    if (index !== null) return { index, role: roles[index] as Role };
    const reasons = names.map((name, each) => `${name} ${reasonOf(states[each] ?? null)}`).join("; ");
    const what = wanted === null ? "answers" : `is a ${wanted.join(" or a ")}`;
    throw connectionError("CONNECT_REFUSED", `none of the servers ${what}: ${reasons}`);
  }

  function reasonOf(state: ServerState | Error | null): string {
    if (state === null) return "does not answer";
    if (state instanceof Error) return state.message;
    if (!isLeftBehind(state, newest)) return `is a ${state.role}`;
    return `was the primary before a failover (timeline ${state.timeline}, the newest is ${newest})`;
  }

  function stopSearch(): void {
    if (timer !== null) clearInterval(timer);
    timer = null;
  }

  async function recheck(): Promise<void> {
    select(await survey());
  }

  /** Starts or stops the search for a better server, and has connections to others drained once the best is found. */
  function select(found: { index: number; role: Role }): void {
    chosen = found;
    if (best !== null && found.role !== best) {
      // A failed survey needs no report here: the next connection attempt reports it.
      timer ??= setInterval(() => recheck().catch(() => {}), RECHECK_MS).unref();
      return;
    }
    stopSearch();
    onBetter(found.index);
  }

  return {
    current: async () => {
      if (chosen !== null) return chosen.index;
      choosing ??= survey()
        .then((found) => {
          select(found);
          return found.index;
        })
        .finally(() => {
          choosing = null;
        });
      return choosing;
    },
    lost(index) {
      if (chosen?.index === index) chosen = null;
    },
    stop() {
      chosen = null;
      stopSearch();
    },
  };
}
