/** Text that the TOML parser would misread, and its offset. */
export interface TomlHazard {
  readonly offset: number;
  readonly wrong: string;
  readonly right: string;
}

/** Comments, texts of several lines, texts of one line, and bare words, which are keys, numbers and the like. */
const TOKEN = /#[^\n]*|"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[A-Za-z0-9_+-]+/g;
const WHOLE_NUMBER = /^([+-]?)(\d[\d_]*|0x[\dA-Fa-f_]+|0o[0-7_]+|0b[01_]+)$/;
/** The problem of a whole number that would be rounded. */
export const TOO_LARGE = {
  wrong: "the whole number has more than 53 bits",
  right: `a number from -${Number.MAX_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}`,
};
/** The property names that every object inherits. */
const INHERITED: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));

/**
 * Returns the first text that the parser would misread, or null. It would take an inherited property under a key's
 * name, such as `constructor`, for a table and write into it, and whole numbers wrap around at 64 bits. No valid
 * configuration has such.
 */
export function tomlHazard(text: string): TomlHazard | null {
  for (const { 0: token, index: offset } of text.matchAll(TOKEN)) {
    const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset);
    const next = /^[ \t]*(.?)/.exec(text.slice(offset + token.length))?.[1] ?? "";
    const name = unquoted(token);
    const isKey = next === "=" || next === "." || (next === "]" && /^\s*\[[^=]*$/.test(line));
    if (isKey && INHERITED.has(name)) {
      return { offset, wrong: `${name} is not a known key`, right: "a key of config.example.toml" };
    }
    const isWhole = !isKey && !line.endsWith(".") && next !== ".";
    if (isWhole && isTooLarge(token)) return { offset, ...TOO_LARGE };
  }
  return null;
}

function unquoted(token: string): string {
  if (token.startsWith("'")) return token.slice(1, -1);
  if (!token.startsWith('"')) return token;
  try {
    // JSON has all of TOML's escapes but this one.
    return String(JSON.parse(token.replace(/\\U0000([\dA-Fa-f]{4})/g, "\\u$1")));
  } catch {
    return token;
  }
}

/** Whether the text is a whole number that a double does not hold exactly. */
export function isTooLarge(token: string): boolean {
  const digits = WHOLE_NUMBER.exec(token)?.[2]?.replaceAll("_", "");
  return digits !== undefined && BigInt(digits) > BigInt(Number.MAX_SAFE_INTEGER);
}
