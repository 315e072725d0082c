import { readData } from './definitions.ts'

type Row = readonly (number | string)[]

interface CriTables {
  readonly messages: Record<string, Record<string, Row>>
  readonly enums: Record<string, Record<string, number>>
}

/** The messages and enums of CRI as one module: `[name, number, type, kind]` with kind `r` repeated, `m` map, `e` enum or ``. */
export function generateCri(): string {
  const { messages, enums } = readData<CriTables>('cri-messages.json')
  const rows = Object.entries(messages).map(([name, fields]) => {
    const described = Object.entries(fields).map(([field, row]) => [field, row[0], ...describe(row)])
    return `  ${JSON.stringify(name)}: ${JSON.stringify(described)},`
  })
  return [
    'type Row = readonly [name: string, number: number, type: string, kind: string]',
    `export const criMessages: Readonly<Record<string, readonly Row[]>> = {\n${rows.join('\n')}\n}`,
    `export const criEnums: Readonly<Record<string, Readonly<Record<string, number>>>> = ${JSON.stringify(enums)}`,
    '',
  ].join('\n')
}

function describe(row: Row): [type: string, kind: string] {
  if (row[1] === 'map') return [`${row[2]} ${row[3]}`, 'm']
  const flags = row.slice(2)
  return [String(row[1]), `${flags.includes('enum') ? 'e' : ''}${flags.includes('repeated') ? 'r' : ''}`]
}
