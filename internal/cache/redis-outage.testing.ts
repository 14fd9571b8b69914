import type { PriceWrite } from "./store.ts";

const SOON_MS = 6_000;

/** How long a connection may take to come back. */
export const BACK = { timeout: 20_000 };

/** A write of the key `key`; a later minute supersedes an earlier one. */
export function write(minute: number): PriceWrite {
  const to = `2026-08-09T22:${String(minute).padStart(2, "0")}:00Z`;
  return { key: "key", value: `{"to":"${to}"}`, to, ttlSeconds: 300 };
}

/** Fails where the promise takes longer than a caller should have to wait. */
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

/** The message of the error that it rejects with; empty where it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}
