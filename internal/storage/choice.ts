import { asError } from "../canonical/as-error.ts";
import { connectionError } from "./errors.ts";
import { bestOf, isLeftBehind, type Role, type Standing, type Wanted } from "./roles.ts";

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
  /** Null for the first that answers. */
  readonly wanted: Wanted | null;
  /** Asks a server what it is, in a time that is limited. */
  readonly ask: (index: number) => Promise<Standing>;
  /** Told of a better server than the one connected to: connections to others are to end as soon as they are free. */
  readonly onBetter: (index: number) => void;
}

/** How soon a better server is returned to. */
const LOOK_AGAIN_MS = 5_000;
/** How long the others are waited for once a server that would do has answered. */
const GRACE_MS = 1_000;

/** Chooses among servers by what they are now. */
export function chooseServer({ names, wanted, ask, onBetter }: ChoiceSettings): Choice {
  const best = wanted === null ? null : wanted[0];
  let newest = 0;
  let choosing: Promise<number> | null = null;
  let chosen: { readonly index: number; readonly role: Role } | null = null;
  let timer: NodeJS.Timeout | null = null;

  async function survey(): Promise<{ index: number; role: Role }> {
    const found: (Standing | Error | null)[] = names.map(() => null);
    await new Promise<void>((resolve) => {
      const asked = names.map(async (_name, index) => {
        const said = await ask(index).catch(asError);
        found[index] = said;
        if (!(said instanceof Error) && (best === null || said.role === best)) setTimeout(resolve, GRACE_MS).unref();
      });
      Promise.all(asked).then(() => resolve());
    });
    newest = Math.max(newest, ...found.map((said) => (said === null || said instanceof Error ? 0 : said.timeline)));
    const roles = found.map((said) =>
      said === null || said instanceof Error || isLeftBehind(said, newest) ? null : said.role,
    );
    const index = bestOf(roles, wanted);
    if (index !== null) return { index, role: roles[index] as Role };
    const reasons = names.map((name, each) => `${name} ${reasonOf(found[each] ?? null)}`).join("; ");
    const what = wanted === null ? "answers" : `is a ${wanted.join(" or a ")}`;
    throw connectionError("CONNECT_REFUSED", `none of the servers ${what}: ${reasons}`);
  }

  function reasonOf(said: Standing | Error | null): string {
    if (said === null) return "says nothing";
    if (said instanceof Error) return said.message;
    if (!isLeftBehind(said, newest)) return `is a ${said.role}`;
    return `was the primary before a failover (timeline ${said.timeline}, and there is a primary of ${newest})`;
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
    if (best !== null && found.role !== best) {
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
