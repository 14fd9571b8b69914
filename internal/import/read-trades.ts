import { InputError } from "../canonical/input-error.ts";
import { MAX_LINE_LENGTH, readLines } from "../lib/lines.ts";
import type { FileKind, FileRow } from "./file-kind.ts";
import { createFormatDetector, type FormatDetector, type OpenedForm } from "./format-detector.ts";
import { anyForms } from "./formats/any-forms.ts";
import type { Recognition } from "./formats/recognition.ts";
import type { Input } from "./input.ts";
import { refuseUnsupportedFormats } from "./unsupported-formats.ts";

/** A JSON document is parsed as a whole; longer ones have to be made lines. */
const MAX_DOCUMENT_LENGTH = 32 * 1024 * 1024;

/**
 * Yields the rows of a file in groups, in file order. Format and compression are detected by the content.
 * @param onBytes called with the size of each chunk read, before decompression
 * @param recognition for files in other forms than those of the kind itself
 * @throws InputError where the file is not of this kind; nothing has been yielded then
 * @throws BrokenFile where it cannot be read to its end
 */
export async function* readTrades(
  input: Input,
  kind: FileKind,
  onBytes: (count: number) => void,
  recognition?: Recognition,
): AsyncGenerator<FileRow[]> {
  const forms = recognition && anyForms(kind, recognition, input.names);
  const open = createFormatDetector(kind, forms);
  const document: string[] = [];
  let length = 0;
  let readRows: OpenedForm["readRows"] | null = null;
  const content = refuseUnsupportedFormats(input.open(onBytes));
  for await (const lines of readLines(content, forms?.hasDocuments ? MAX_DOCUMENT_LENGTH : MAX_LINE_LENGTH)) {
    const rows: FileRow[] = [];
    for (const line of lines) {
      if (line.text.trim() === "") continue;
      if (readRows === null) {
        if (document.length > 0 || open.isDocument(line)) {
          length += document.push(line.text) + line.text.length;
          if (length > MAX_DOCUMENT_LENGTH) throw tooLong();
          continue;
        }
        const opened = open(line);
        if (opened === null) continue;
        readRows = opened.readRows;
        rows.push(...opened.bad);
        if (opened.isHeader) continue;
      }
      rows.push(...readRows(line));
    }
    if (rows.length > 0) yield rows;
  }
  if (document.length > 0) yield readDocument(document.join("\n"), open);
  else if (readRows === null) throw new InputError(open.refusal());
}

/** Reads a document; its records are numbered as lines are. */
function readDocument(text: string, open: FormatDetector): FileRow[] {
  const opened = open({ number: 1, text });
  if (opened === null) throw new InputError(open.refusal());
  return opened.readRows({ number: 1, text }).map((row, index) => ({ ...row, line: index + 1 }));
}

function tooLong(): InputError {
  return new InputError(
    `is one JSON document of more than ${MAX_DOCUMENT_LENGTH} characters; make it lines: jq -c '.[]' FILE > trades.ndjson`,
  );
}
