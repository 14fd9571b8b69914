import { InputError } from "../canonical/input-error.ts";

interface Format {
  readonly what: string;
  readonly cure: string;
  readonly matches: (start: Buffer) => boolean;
}

const startsWith =
  (...bytes: readonly number[]) =>
  (start: Buffer): boolean =>
    bytes.every((byte, place) => start[place] === byte);

/** Unsupported formats by their first bytes, each with a way to convert it. */
const FORMATS: readonly Format[] = [
  {
    what: "a zip archive, which spreadsheets (.xlsx) are too",
    cure: "unpack it first (unzip -p FILE > trades.csv), or export the sheet as CSV",
    matches: (start) => startsWith(0x50, 0x4b, 3, 4)(start) || startsWith(0x50, 0x4b, 7, 8)(start),
  },
  { what: "a zip archive without a file in it", cure: "get it again", matches: startsWith(0x50, 0x4b, 5, 6) },
  { what: "packed with xz", cure: "xz -dc FILE > trades.csv", matches: startsWith(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0) },
  {
    what: "packed with bzip2",
    cure: "bzip2 -dc FILE > trades.csv",
    matches: (start) => /^BZh[1-9]1AY&SY/.test(start.toString("latin1", 0, 10)),
  },
  { what: "packed with zstd", cure: "zstd -dc FILE > trades.csv", matches: startsWith(0x28, 0xb5, 0x2f, 0xfd) },
  { what: "a 7z archive", cure: "7z e FILE", matches: startsWith(0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c) },
  { what: "Parquet", cure: "export it as CSV", matches: startsWith(0x50, 0x41, 0x52, 0x31) },
  { what: "packed with gzip twice", cure: "gzip -dc FILE > trades.csv.gz", matches: startsWith(0x1f, 0x8b) },
  {
    what: "a tar archive",
    cure: "unpack it first (tar xf FILE) and import the files in it",
    matches: (start) => start.toString("latin1", 257, 262) === "ustar",
  },
  // UTF-32LE comes before UTF-16LE because its byte order mark starts with that of UTF-16LE.
  ...["UTF-32LE", "UTF-32BE", "UTF-16LE", "UTF-16BE"].map((encoding) => ({
    what: `in ${encoding.slice(0, 6)}`,
    cure: `iconv -f ${encoding} -t UTF-8 FILE > trades.csv`,
    matches: isIn(encoding),
  })),
];

/**
 * Passes through the decompressed content of a file.
 * @throws InputError that says how to convert the file where it starts like an unsupported format
 */
export async function* refuseUnsupportedFormats(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let isStart = true;
  for await (const piece of content) {
    if (isStart) {
      const format = FORMATS.find(({ matches }) => matches(piece));
      if (format !== undefined) throw new InputError(`is ${format.what}: ${format.cure}`);
    }
    isStart = false;
    yield piece;
  }
}

/** Detects an encoding by its byte order mark, or by the zero bytes of two ASCII characters. */
function isIn(encoding: string): (start: Buffer) => boolean {
  const width = encoding.includes("32") ? 4 : 2;
  const inBytes = (codePoint: number): number[] => {
    const bytes = Array.from({ length: width }, (_, place) => (codePoint >> (8 * place)) & 0xff);
    return encoding.endsWith("LE") ? bytes : bytes.reverse();
  };
  const mark = startsWith(...inBytes(0xfeff));
  const zeros = inBytes(1).map((byte) => byte === 0);
  return (start) =>
    mark(start) ||
    (start.length >= 2 * width &&
      Array.from({ length: 2 * width }).every((_, place) => (start[place] === 0) === zeros[place % width]));
}
