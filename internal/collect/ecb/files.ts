/** The bank's files: its newest day, its last ninety days, and all days since 1999. */
const NAMES = { daily: "eurofxref-daily.xml", ninety: "eurofxref-hist-90d.xml", all: "eurofxref-hist.xml" };

export function fileUrl(folder: string, file: keyof typeof NAMES): URL {
  return new URL(NAMES[file], folder.endsWith("/") ? folder : `${folder}/`);
}
