import { type FieldFact, ProtobufCodec } from '#meta'
import { criEnums, criMessages } from './generated/messages.ts'

/** The few messages of containerd's own event service, for runtimes whose CRI has no event stream yet. */
const CONTAINERD_MESSAGES: Readonly<Record<string, readonly FieldFact[]>> = {
  'containerd.SubscribeRequest': [{ name: 'filters', number: 1, type: 'string', repeated: true }],
  'containerd.Envelope': [
    { name: 'namespace', number: 2, type: 'string' },
    { name: 'topic', number: 3, type: 'string' },
    { name: 'event', number: 4, type: 'containerd.Any' },
  ],
  'containerd.Any': [
    { name: 'type_url', number: 1, type: 'string' },
    { name: 'value', number: 2, type: 'bytes' },
  ],
  /** What all task events begin with. */
  'containerd.TaskEvent': [{ name: 'container_id', number: 1, type: 'string' }],
}

const fields = new Map<string, readonly FieldFact[]>(Object.entries(CONTAINERD_MESSAGES))

/** Field names are those of the `.proto` files. */
export const criCodec = new ProtobufCodec({
  fieldsOf(message) {
    let known = fields.get(message)
    if (known === undefined) {
      const rows = criMessages[message]
      if (rows === undefined) throw new TypeError(`CRI has no message ${message}`)
      known = rows.map(([name, number, type, kind]) => fact(name, number, type, kind))
      fields.set(message, known)
    }
    return known
  },
})

function fact(name: string, number: number, type: string, kind: string): FieldFact {
  if (kind === 'm') {
    const [key = 'string', value = 'string'] = type.split(' ')
    return { name, number, type, map: [key, value] }
  }
  const constants = kind.includes('e') ? criEnums[type] : undefined
  return { name, number, type, ...(kind.includes('r') && { repeated: true }), ...(constants && { enum: constants }) }
}
