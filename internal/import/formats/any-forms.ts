import { InputError } from "../../canonical/input-error.ts";
import type { FileKind } from "../file-kind.ts";
import type { Forms } from "../format-detector.ts";
import { openAnyCsv } from "./csv-form.ts";
import { openAnyJson } from "./json-form.ts";
import type { Recognition } from "./recognition.ts";

/** The characters that may stand between columns, as an option names them. */
export const DELIMITERS: Readonly<Record<string, string>> = { ",": ",", ";": ";", "|": "|", tab: "\t", "\t": "\t" };

/** Returns the forms of a kind of file together with those of the known formats, as far as the given options allow. */
export function anyForms(kind: FileKind, { given, onUnderstood }: Recognition, names: readonly string[]): Forms {
  let { delimiter } = given;
  const file = { kind, names, onUnderstood: onUnderstood ?? (() => {}) };
  return {
    openCsv: (text) => openAnyCsv(text, { ...given, delimiter }, file),
    openJson: (text) => openAnyJson(text, given, file),
    acceptSeparator(separator) {
      if (!(separator in DELIMITERS)) {
        throw new InputError(`has its columns separated by ${JSON.stringify(separator)}; export it with commas`);
      }
      delimiter ??= separator;
    },
    hasDocuments: true,
  };
}
