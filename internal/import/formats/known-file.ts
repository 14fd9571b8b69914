import type { FileKind } from "../file-kind.ts";
import type { Understood } from "./recognition.ts";

/** What is known of a file apart from its content. */
export interface KnownFile {
  readonly kind: FileKind;
  readonly names: readonly string[];
  readonly onUnderstood: (understood: Understood) => void;
}
