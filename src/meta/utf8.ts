const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const REPLACEMENT = '\ufffd'

/**
 * Bytes as text. What is no UTF-8 is replaced as Go replaces it: a replacement character for each byte that begins no character, where the encoding standard
 * has one for several.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes)
  } catch {
    return decodeByBytes(bytes)
  }
}

function decodeByBytes(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const length = lengthAt(bytes[at]!)
    const character = length > 0 && at + length <= bytes.length ? decoded(bytes.subarray(at, at + length)) : undefined
    text += character ?? REPLACEMENT
    at += character === undefined ? 1 : length
  }
  return text
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

/** How many bytes a character takes, by its first one; 0 for one that begins none. */
function lengthAt(byte: number): number {
  if (byte < 0x80) return 1
  if (byte < 0xc2) return 0
  if (byte < 0xe0) return 2
  return byte < 0xf0 ? 3 : byte < 0xf5 ? 4 : 0
}
