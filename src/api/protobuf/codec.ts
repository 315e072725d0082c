import { type FieldFact, ProtobufCodec, ProtobufError } from '#meta'
import { readGenerated } from '../schemas.ts'
import { goNameOf } from './go-names.ts'
import { SPECIAL } from './special.ts'

type Row = readonly [name: string, number: number, type: string, flags: string]

type Tables = Readonly<Record<string, readonly Row[]>>

let tables: Tables | undefined
let olderTables: Tables | undefined
let shared: ProtobufCodec | undefined

/** The codec of all published messages. The first call reads their tables; each message is compiled when it is met. */
export function codec(): ProtobufCodec {
  shared ??= new ProtobufCodec({ fieldsOf, special: (message, own) => SPECIAL[message]?.(own) })
  return shared
}

export const hasMessage = (message: string): boolean => rowsOf(message) !== undefined

const BETA_OR_ALPHA = /\.v\d+(alpha|beta)\d+\./

/** Messages of versions that are only found in stores are read when the first of them is met. */
function rowsOf(message: string): readonly Row[] | undefined {
  tables ??= readGenerated<Tables>('protobuf.json')
  if (Object.hasOwn(tables, message)) return tables[message]
  if (!BETA_OR_ALPHA.test(message)) return undefined
  olderTables ??= readGenerated<Tables>('older-protobuf.json')
  return Object.hasOwn(olderTables, message) ? olderTables[message] : undefined
}

function fieldsOf(message: string): readonly FieldFact[] {
  const rows = rowsOf(message)
  if (rows === undefined) throw new ProtobufError(`there is no message ${message}`)
  return rows.map(([name, number, type, flags]) => ({
    name,
    number,
    type,
    goName: goNameOf(message, name),
    always: flags.includes('a'),
    omitsZero: flags.includes('o'),
    repeated: flags.includes('r'),
    inline: flags.includes('i'),
    ...(flags.includes('m') && { map: type.split(' ') as [string, string] }),
  }))
}
