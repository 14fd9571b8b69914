import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../internal/lib/package-root.ts";

/** A channel of events, as its declaration tells of it. */
export interface ChannelReference {
  readonly name: string;
  /** When there is one: what the event's type says of itself. */
  readonly when: string;
  readonly fields: readonly string[];
  readonly type: string;
  /** The file with the type, from the root. */
  readonly file: string;
}

const ANY_CHANNEL = /= channel(?:<[^>]*>)?\(/g;
const CHANNEL = /export const \w+: EventChannel<(\w+)> = channel\(\s*"([^"]+)"/g;

/** The channels that are declared in `internal`, by name. They are types only, so that they are read from the source. */
export function channels(): ChannelReference[] {
  const sources = new Map(sourceFiles().map((file) => [file, readFileSync(join(packageRoot(), file), "utf8")]));
  const found = [...sources].flatMap(([file, text]) => {
    const declared = [...text.matchAll(CHANNEL)];
    if (declared.length !== [...text.matchAll(ANY_CHANNEL)].length) {
      throw new Error(`${file}: write every channel as: export const NAME: EventChannel<TYPE> = channel("…")`);
    }
    return declared.map(([, type = "", name = ""]) => ({ name, type, ...typeIn(sources, type) }));
  });
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function sourceFiles(): string[] {
  const files = readdirSync(join(packageRoot(), "internal"), { recursive: true, encoding: "utf8" });
  return files.filter((file) => /(?<!\.test|\.testing)\.ts$/.test(file)).map((file) => `internal/${file}`);
}

function typeIn(sources: ReadonlyMap<string, string>, type: string): Omit<ChannelReference, "name" | "type"> {
  const declaration = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\nexport interface ${type} \\{\\n([^]*?)\\n\\}`);
  for (const [file, text] of sources) {
    const [, comment, body] = declaration.exec(text) ?? [];
    if (comment === undefined || body === undefined) continue;
    const fields = [...body.matchAll(/^ {2}readonly (\w+)/gm)].map(([, field = ""]) => field);
    return { when: comment.replace(/\n \* ?/g, " ").trim(), fields, file };
  }
  throw new Error(`${type}: an event needs an interface with a comment above that says when it is published`);
}
