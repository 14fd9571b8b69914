import { asError } from "../canonical/as-error.ts";
import { connectionError } from "./errors.ts";
import { bestOf, type Role, type Wanted } from "./roles.ts";

/** Servers of one database, of which one is connected to. */
export interface Choice {
  /**
   * The server to connect to: that of the connections there are, else the best of those that answer.
   * @throws Error that says of each why not
   */
  current(): Promise<number>;
  /** A connection to the server was lost, or could not be made. */
  lost(index: number): void;
  /** Asks no more. */
  stop(): void;
}

export interface ChoiceSettings {
  readonly names: readonly string[];
  readonly wanted: Wanted;
  /** Asks a server what it is, in a time that is limited. */
  readonly ask: (index: number) => Promise<Role>;
  /** Told of a better server than the one connected to: connections to others are to end as soon as they are free. */
  readonly onBetter: (index: number) => void;
}

/** How soon a better server is returned to. */
const LOOK_AGAIN_MS = 5_000;

/** Chooses among servers by what they are now. */
export function chooseServer({ names, wanted, ask, onBetter }: ChoiceSettings): Choice {
  const [best] = wanted;
  let choosing: Promise<number> | null = null;
  let chosen: { readonly index: number; readonly role: Role } | null = null;
  let timer: NodeJS.Timeout | null = null;

  async function survey(): Promise<{ index: number; role: Role }> {
    const reasons = new Map<number, string>();
    const asked = names.map(async (_name, index): Promise<Role | null> => {
      try {
        const role = await ask(index);
        reasons.set(index, `is a ${role}`);
        return role;
      } catch (error) {
        reasons.set(index, asError(error).message);
        return null;
      }
    });
    const roles = await answered(asked);
    const index = bestOf(roles, wanted);
    if (index !== null) return { index, role: roles[index] as Role };
    const found = names.map((name, each) => `${name} ${reasons.get(each) ?? "says nothing"}`).join("; ");
    throw connectionError("CONNECT_REFUSED", `none of the servers is a ${wanted.join(" or a ")}: ${found}`);
  }

  /** Of the primary there is one, so that nobody else is waited for. Of standbys the first counts. */
  async function answered(asked: readonly Promise<Role | null>[]): Promise<(Role | null)[]> {
    const all = Promise.all(asked);
    if (best !== "primary") return all;
    const primary = new Promise<(Role | null)[]>((resolve) => {
      for (const [index, role] of asked.entries()) {
        role.then((said) => {
          if (said === "primary") resolve(asked.map((_each, other) => (other === index ? said : null)));
        });
      }
    });
    return Promise.race([all, primary]);
  }

  function rest(): void {
    if (timer !== null) clearInterval(timer);
    timer = null;
  }

  async function look(): Promise<void> {
    take(await survey());
  }

  /** Looks for a better one for as long as there is none; where there is, nothing stays with another. */
  function take(found: { index: number; role: Role }): void {
    chosen = found;
    if (found.role !== best) {
      // What nothing answers now is told by who connects.
      timer ??= setInterval(() => look().catch(() => {}), LOOK_AGAIN_MS).unref();
      return;
    }
    rest();
    onBetter(found.index);
  }

  return {
    current: async () => {
      if (chosen !== null) return chosen.index;
      choosing ??= survey()
        .then((found) => {
          take(found);
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
      rest();
    },
  };
}
