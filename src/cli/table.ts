/** Columns are this far apart, as in kubectl's tables. */
const GAP = 3

/** Rows under their headings, in columns. */
export function printTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows]
  const widths = headings.map((_, column) => Math.max(...all.map((row) => row[column]!.length)) + GAP)
  const line = (row: readonly string[]): string => row.map((cell, column) => cell.padEnd(widths[column]!)).join('')
  return all.map((row) => `${line(row).trimEnd()}\n`).join('')
}
