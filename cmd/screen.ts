/** The output of `start`: lines, and a table that is redrawn in place. */
export interface Screen {
  readonly say: (line: string) => void;
  readonly show: (table: readonly string[]) => void;
}

/** Returns a screen. On a terminal, a table replaces the previous one unless a line was printed since. */
export function createScreen(output: { readonly isTTY?: boolean; write(text: string): unknown }): Screen {
  let tableHeight = 0;
  return {
    say: (line) => {
      output.write(`${line}\n`);
      tableHeight = 0;
    },
    show: (table) => {
      if (output.isTTY === true && tableHeight > 0) output.write(`\u001b[${tableHeight}A\u001b[0J`);
      output.write(`${table.join("\n")}\n`);
      tableHeight = table.length;
    },
  };
}
