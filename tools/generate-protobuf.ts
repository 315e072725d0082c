import { isOlder, isServed, readData } from './definitions.ts'

type Row = readonly (number | string)[]

/**
 * Per message, `[JSON name, number, type, flags?]` with flags `r` repeated, `m` map (type is then `key value`), `i` inline, `o` left out of JSON when
 * zero, `a` always there (a list in JSON only); messages of beta and alpha versions are served only where somebody may ask for them.
 */
export const generateProtobuf = (): string => tableOf(isServed)

/** The same of versions that nobody can ask for and that an older server may have left in a store. */
export const generateOlderProtobuf = (): string => tableOf(isOlder)

function tableOf(isWanted: (name: string) => boolean): string {
  const messages = readData<Record<string, Record<string, Row>>>('protobuf-fields.json')
  const presence = readData<Record<string, Record<string, string>>>('json-presence.json')
  const lines: string[] = []
  for (const [name, fields] of Object.entries(messages)) {
    if (!isWanted(name)) continue
    const rows = Object.entries(fields).map(([field, row]) => [field, row[0], ...describe(row, flagsOf(presence, name, field))])
    lines.push(`${JSON.stringify(name)}:${JSON.stringify(rows)}`)
  }
  return `{\n${lines.join(',\n')}\n}\n`
}

/** A schema in one of the wrappers without struct tags is a pointer. */
function flagsOf(presence: Readonly<Record<string, Readonly<Record<string, string>>>>, message: string, field: string): string {
  return message.includes('.JSONSchemaPropsOr') && field === 'schema' ? 'p' : (presence[message]?.[field] ?? '')
}

/** Go slices, which are absent when nil, whatever message they stand in. */
const NILABLE = /\.(ExtraValue|Verbs)$|^bytes$/

function describe(row: Row, presence: string): [type: string, flags: string] {
  const pointer = presence.includes('p')
  const omitted = presence.includes('o') && !pointer ? 'o' : ''
  if (row[1] === 'map') return [`${row[2]} ${row[3]}`, `m${omitted}`]
  const type = String(row[1])
  if (row[2] === 'repeated') return [type, `r${pointer || omitted !== '' ? '' : 'a'}${omitted}`]
  const always = pointer || NILABLE.test(type) ? '' : 'a'
  return [type, (row.at(-1) === 'inline' ? 'i' : '') + always + omitted]
}
