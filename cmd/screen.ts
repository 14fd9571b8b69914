/** Where `start` speaks: lines that stay, and a table that is drawn anew in its place. */
export interface Screen {
  readonly say: (line: string) => void;
  readonly show: (table: readonly string[]) => void;
}

/** On a terminal a table takes the place of the one before, as long as nothing was said since. */
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
