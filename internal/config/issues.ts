import type { z } from "zod";
import { nearest } from "../lib/suggest.ts";
import { CONFIG_KEYS, expectedAt, mayHoldSecret, namesAt } from "./keys.ts";
import { dotted, type Problem } from "./problems.ts";
import { maskAnything } from "./secrets.ts";

/** A problem before its origin, a file or a variable, is known. */
export interface Finding extends Omit<Problem, "where"> {
  readonly path: readonly PropertyKey[];
}

/** Converts an issue of the schema to findings, one per key. */
export function findingsOf(issue: z.core.$ZodIssue, document: unknown): Finding[] {
  if (issue.code === "unrecognized_keys") return issue.keys.map((name) => unknownKey([...issue.path, name]));
  const value = valueAt(document, issue.path);
  const { right } = issue.code === "custom" ? (issue.params ?? {}) : {};
  return [
    {
      path: issue.path,
      key: maskedPath(issue.path),
      wrong: issue.code === "custom" ? withoutSecrets(issue.message, value, issue.path) : describe(issue, value),
      right: typeof right === "string" ? right : expectedAt(issue.path),
    },
  ];
}

/** Masks a message. One that quotes the start of a URL may end before the @ that marks a password, and is replaced. */
function withoutSecrets(message: string, value: unknown, path: readonly PropertyKey[]): string {
  const hasSecret = [value, path.at(-1)].some((text) => typeof text === "string" && maskAnything(text) !== text);
  return hasSecret && message.includes("://")
    ? "is a URL, which is not shown since it may contain a secret"
    : maskAnything(message);
}

function maskedPath(path: readonly PropertyKey[]): string {
  return dotted(path.map((part) => (typeof part === "string" ? maskAnything(part) : part)));
}

function unknownKey(path: readonly PropertyKey[]): Finding {
  const name = String(path.at(-1));
  const siblings = namesAt(path.slice(0, -1));
  const elsewhere = CONFIG_KEYS.find((key) => key.path.at(-1) === name);
  const meant = nearest(name, siblings) ?? elsewhere?.dotted;
  return {
    path,
    key: maskedPath(path),
    wrong: "is not a known key",
    right: meant ?? `one of ${siblings.join(", ")}`,
  };
}

function describe(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === undefined) return "is missing";
  if (Array.isArray(value) && (issue.code === "too_big" || issue.code === "too_small")) {
    return `has ${value.length === 1 ? "1 entry" : `${value.length} entries`}`;
  }
  return `is ${show(value, issue.path)}`;
}

function show(value: unknown, path: readonly PropertyKey[]): string {
  if (typeof value !== "object" && mayHoldSecret(path)) return "a value that is not shown, since it may be a secret";
  if (typeof value === "string") return `the text ${JSON.stringify(maskAnything(value).slice(0, 80))}`;
  if (Array.isArray(value)) return "a list";
  if (value instanceof Date) return "a date";
  return typeof value === "object" ? "a table" : String(value);
}

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, part) => (value as Record<PropertyKey, unknown> | undefined)?.[part], document);
}
