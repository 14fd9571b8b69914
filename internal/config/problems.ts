/** A problem of the configuration. No field contains a secret. */
export interface Problem {
  /** The file or environment variable with the value; `default` for neither. */
  readonly where: string;
  /** The dotted key, such as `aggregate.pairs[2]`; empty where the problem belongs to no key. */
  readonly key: string;
  readonly wrong: string;
  readonly right: string;
}

/** The configuration is invalid. The message has one line per problem. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.problems = problems;
  }
}

function formatProblem({ where, key, wrong, right }: Problem): string {
  return `${where}: ${key === "" ? "" : `${key}: `}${wrong}; expected ${right}`;
}

/** Formats a key's path: `aggregate.pairs[2]`, `aggregate.aliases."crypto:XLM"`. */
export function dotted(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    const name = String(part);
    const written = /^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name);
    return text === "" ? written : `${text}.${written}`;
  }, "");
}
