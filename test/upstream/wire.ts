/** A protobuf message, or what may be one, as text: its fields in their order, with the messages in it. Times are not told. */
export function showMessage(bytes: Buffer, nameOf: (text: string) => string | undefined): string {
  return shown(bytes, nameOf) ?? bytes.toString('hex')
}

/** Seconds of this century are a time. */
const TIME_MIN = 1_000_000_000n

function shown(bytes: Buffer, nameOf: (text: string) => string | undefined): string | undefined {
  const fields: string[] = []
  for (let at = bytes.subarray(0, 4).toString() === 'k8s\0' ? 4 : 0; at < bytes.length; ) {
    const tag = varint(bytes, at)
    if (tag === undefined || tag.value < 8n || tag.value > 0xffffn) return undefined
    const value = varint(bytes, tag.end)
    if (value === undefined) return undefined
    const [number, type] = [tag.value >> 3n, Number(tag.value & 7n)]
    at = value.end
    if (type === 0) fields.push(`${number}: ${value.value > TIME_MIN ? 'TIME' : value.value}`)
    else if (type === 2) {
      const end = at + Number(value.value)
      if (end > bytes.length) return undefined
      fields.push(`${number}: ${content(bytes.subarray(at, end), nameOf)}`)
      at = end
    } else return undefined
  }
  return `{ ${fields.join(', ')} }`
}

function content(bytes: Buffer, nameOf: (text: string) => string | undefined): string {
  const text = bytes.toString()
  if (/^[ -~]+$/.test(text))
    return JSON.stringify(/^\d+$/.test(text) ? (nameOf(text) ?? (text === '0' ? '0' : 'REVISION')) : text)
  return shown(bytes, nameOf) ?? JSON.stringify(text)
}

function varint(bytes: Buffer, start: number): { readonly value: bigint; readonly end: number } | undefined {
  let value = 0n
  for (let at = start; at < bytes.length && at < start + 10; at++) {
    value |= BigInt(bytes[at]! & 0x7f) << BigInt(7 * (at - start))
    if (bytes[at]! < 0x80) return { value, end: at + 1 }
  }
  return undefined
}
