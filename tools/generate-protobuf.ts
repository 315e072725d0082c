import { readData } from './definitions.ts'

type Row = readonly (number | string)[]

/**
 * Per message, `[JSON name, number, type, flags?]` with flags `r` repeated, `m` map (type is then `key value`), `i` inline, `o` left out of JSON when
 * zero; messages of beta and alpha versions are not served.
 */
export function generateProtobuf(): string {
  const messages = readData<Record<string, Record<string, Row>>>('protobuf-fields.json')
  const presence = readData<Record<string, Record<string, string>>>('json-presence.json')
  const lines: string[] = []
  for (const [name, fields] of Object.entries(messages)) {
    if (/\.v\d+(alpha|beta)\d+\./.test(name)) continue
    const rows = Object.entries(fields).map(([field, row]) => [field, row[0], ...describe(row, presence[name]?.[field] ?? '')])
    lines.push(`${JSON.stringify(name)}:${JSON.stringify(rows)}`)
  }
  return `{\n${lines.join(',\n')}\n}\n`
}

function describe(row: Row, presence: string): [type: string, flags: string] {
  const omitted = presence.includes('o') && !presence.includes('p') ? 'o' : ''
  if (row[1] === 'map') return [`${row[2]} ${row[3]}`, `m${omitted}`]
  const kind = row[2] === 'repeated' ? 'r' : row.at(-1) === 'inline' ? 'i' : ''
  return [String(row[1]), kind + omitted]
}
