/** What history keeps of an attempt. */
export interface AttemptNote {
  readonly status: number | null;
  readonly reason: string | null;
  readonly detail: string | null;
  readonly latency_ms: number;
}

/** Returns the message of an attempt in the history of its job. */
export function noteOf({ status, reason, detail }: Omit<AttemptNote, "latency_ms">, seconds: number): string {
  const note: AttemptNote = { status, reason, detail, latency_ms: Math.round(seconds * 1000) };
  return JSON.stringify(note);
}

/** Reads such a message; null for one of another kind, such as that of a worker that was lost. */
export function readNote(message: string | null): AttemptNote | null {
  try {
    const note = JSON.parse(message ?? "") as Partial<AttemptNote> | null;
    return typeof note?.latency_ms === "number" ? (note as AttemptNote) : null;
  } catch {
    return null;
  }
}
