import type { PriceWrite } from "../store.ts";

const SOON_MS = 6_000;

/** The maximum time that reconnecting may take. */
export const BACK = { timeout: 20_000 };

/** Returns a write of the key `key`; a later minute supersedes an earlier one. */
export function write(minute: number): PriceWrite {
  const to = `2026-08-09T22:${String(minute).padStart(2, "0")}:00Z`;
  return { key: "key", value: `{"to":"${to}"}`, to, ttlSeconds: 300 };
}

/** Rejects if the promise takes longer than a caller should have to wait. */
export async function soon<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${SOON_MS} ms`)), SOON_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Returns the message of the error that the promise rejects with; empty if it resolves. */
export async function failureOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}
