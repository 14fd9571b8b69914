/** Result of a check. `wrong` must be fixed; `skipped` could not be checked or does not apply. */
export interface Finding {
  readonly status: "ok" | "warning" | "wrong" | "skipped";
  readonly found: string;
  /** What to do; null if nothing. */
  readonly cure: string | null;
}

export const ok = (found: string): Finding => ({ status: "ok", found, cure: null });
export const skipped = (found: string): Finding => ({ status: "skipped", found, cure: null });
export const warning = (found: string, cure: string): Finding => ({ status: "warning", found, cure });
export const wrong = (found: string, cure: string): Finding => ({ status: "wrong", found, cure });
