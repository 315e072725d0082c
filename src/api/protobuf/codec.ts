import { type FieldFact, ProtobufCodec, ProtobufError } from '#meta'
import { readGenerated } from '../schemas.ts'
import { SPECIAL } from './special.ts'

type Row = readonly [name: string, number: number, type: string, flags: string]

let tables: Readonly<Record<string, readonly Row[]>> | undefined
let shared: ProtobufCodec | undefined

/** The codec of all published messages. The first call reads their tables; each message is compiled when it is met. */
export function codec(): ProtobufCodec {
  shared ??= new ProtobufCodec({ fieldsOf, special: (message, own) => SPECIAL[message]?.(own) })
  return shared
}

export const hasMessage = (message: string): boolean => Object.hasOwn(readTables(), message)

function readTables(): Readonly<Record<string, readonly Row[]>> {
  tables ??= readGenerated<Readonly<Record<string, readonly Row[]>>>('protobuf.json')
  return tables
}

function fieldsOf(message: string): readonly FieldFact[] {
  const rows = hasMessage(message) ? readTables()[message] : undefined
  if (rows === undefined) throw new ProtobufError(`there is no message ${message}`)
  return rows.map(([name, number, type, flags]) => ({
    name,
    number,
    type,
    always: flags.includes('a'),
    omitsZero: flags.includes('o'),
    repeated: flags.includes('r'),
    inline: flags.includes('i'),
    ...(flags.includes('m') && { map: type.split(' ') as [string, string] }),
  }))
}
