/** Part of a text: a paragraph, or lines that are kept as they are. */
export type Block = { readonly paragraph: string } | { readonly lines: readonly string[] };

/** The text without the blanks that all its lines begin with, and without empty lines around. */
export function dedent(text: string): string {
  const lines = text.replace(/^\s*\n|\s+$/g, "").split("\n");
  const depths = lines.filter((line) => line.trim() !== "").map(depthOf);
  const depth = Math.min(...depths);
  return lines.map((line) => line.slice(depth)).join("\n");
}

/** The parts of a text as internal/config/docs has them. */
export function blocksOf(text: string): Block[] {
  const parts = dedent(text).split(/\n\s*\n/);
  return parts.map((part) => {
    const lines = part.split("\n");
    return lines.every((line) => depthOf(line) > 0) ? { lines } : { paragraph: lines.join(" ") };
  });
}

function depthOf(line: string): number {
  return line.search(/\S|$/);
}

/** The words on lines of `width` characters at most, where none of them is longer. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.trim().split(/\s+/)) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
