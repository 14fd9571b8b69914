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

/** Formats that files of trades come in and that are turned into one that can be read, by their first bytes. */
const FORMATS: readonly Format[] = [
  {
    what: "a zip archive, which spreadsheets (.xlsx) are too",
    cure: "unpack it first (unzip -p FILE > trades.csv), or export the sheet as CSV",
    matches: startsWith(0x50, 0x4b, 3, 4),
  },
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
  { what: "in UTF-16", cure: "iconv -f UTF-16 -t UTF-8 FILE > trades.csv", matches: isUtf16 },
];

/**
 * Passes on the content of a file, gzip unpacked.
 * @throws InputError with the cure where its start is one of another format
 */
export async function* refuseOtherFormats(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
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

/** By its byte order mark, or by the zeros of two letters of ASCII. */
function isUtf16(start: Buffer): boolean {
  if (startsWith(0xff, 0xfe)(start) || startsWith(0xfe, 0xff)(start)) return true;
  const zeros = [0, 1, 2, 3].map((place) => start[place] === 0);
  return start.length >= 4 && (zeros.join() === "false,true,false,true" || zeros.join() === "true,false,true,false");
}
