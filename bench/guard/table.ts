export const WINDOWS = [300, 3600, 86_400] as const;

export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  console.log(
    [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n"),
  );
}

export function duration(seconds: number): string {
  if (seconds === 0) return "0";
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${round(seconds / 60)}m`;
  return seconds % 3600 === 0 && seconds <= 48 * 3600 ? `${seconds / 3600}h` : `${round(seconds / 3600)}h`;
}

function round(number: number): string {
  return String(Math.round(number * 10) / 10);
}
