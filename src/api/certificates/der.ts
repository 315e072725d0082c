/** One element of DER (ITU-T X.690): a tag and what it holds. */
export interface DerElement {
  /** The first byte: class, whether it is constructed, and number. */
  readonly tag: number
  readonly content: Buffer
  /** Tag and length included. */
  readonly whole: Buffer
  /** Bytes of tag and length. */
  readonly header: number
}

export const DER = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  sequence: 0x30,
  set: 0x31,
  /** Implicitly a set, tagged [0]. */
  attributes: 0xa0,
} as const

const LENGTH_BYTES_MAX = 4

/** What is wrong with some DER, as Go's encoding/asn1 puts it. */
export class DerError extends Error {}

export const syntaxError = (detail: string): DerError => new DerError(`asn1: syntax error: ${detail}`)
export const structureError = (detail: string): DerError => new DerError(`asn1: structure error: ${detail}`)

/** The element that `bytes` start with. Throws {@link DerError}. */
export function elementAt(bytes: Buffer): DerElement {
  const tag = bytes[0]
  if (tag === undefined) throw syntaxError('sequence truncated')
  // No structure that is read here has a number past 30.
  if ((tag & 0x1f) === 0x1f) throw structureError('unsupported tag')
  const first = bytes[1]
  if (first === undefined) throw syntaxError('truncated tag or length')
  const count = first & 0x80 ? first & 0x7f : 0
  if (first === 0x80) throw syntaxError('indefinite length found (not DER)')
  if (count > LENGTH_BYTES_MAX) throw structureError('length too large')
  if (bytes.length < 2 + count) throw syntaxError('truncated tag or length')
  if (count > 0 && bytes[2] === 0) throw structureError('superfluous leading zeros in length')
  const length = count > 0 ? bytes.readUIntBE(2, count) : first
  if (count > 0 && length < 0x80) throw structureError('non-minimal length')
  const header = 2 + count
  if (length > bytes.length - header) throw syntaxError('data truncated')
  const whole = bytes.subarray(0, header + length)
  return { tag, content: whole.subarray(header), whole, header }
}

/** The elements that follow each other in `bytes`. */
export function* elementsOf(bytes: Buffer): Iterable<DerElement> {
  let rest = bytes
  while (rest.length > 0) {
    const element = elementAt(rest)
    yield element
    rest = rest.subarray(element.whole.length)
  }
}

type Wanted = readonly [tag: number | undefined, goType: string]

/** The first elements of a sequence; Go passes over what follows them. */
export function inOrder(sequence: DerElement, wanted: readonly Wanted[]): DerElement[] {
  let at = 0
  return wanted.map(([tag, type]) => {
    const element = elementAt(sequence.content.subarray(at))
    if (tag !== undefined) expectElement(element, tag, type, at)
    at += element.whole.length
    return element
  })
}

/** The element itself, if it is what was wanted. */
export function expectElement(element: DerElement, tag: number, goType: string, at = 0): DerElement {
  if (element.tag === tag) return element
  const found = `{class:${element.tag >> 6} tag:${element.tag & 0x1f} length:${element.content.length} isCompound:${(element.tag & 0x20) !== 0}}`
  const set = tag === DER.attributes ? 'tag:0' : 'tag:<nil>'
  const rules = `{optional:false explicit:false application:false private:false defaultValue:<nil> ${set} stringType:0 timeType:0 set:false omitEmpty:false}`
  throw structureError(`tags don't match (${tag & 0x1f} vs ${found}) ${rules} ${goType} @${at + element.header}`)
}

/** `1.2.840.113549.1.1.11`. Throws {@link DerError}. */
export function objectIdentifier({ content }: DerElement): string {
  if (content.length === 0) throw syntaxError('zero length OBJECT IDENTIFIER')
  const numbers: number[] = []
  let number = 0
  for (const byte of content) {
    number = number * 0x80 + (byte & 0x7f)
    if (number > 0x7fff_ffff) throw structureError('base 128 integer too large')
    if (byte & 0x80) continue
    numbers.push(number)
    number = 0
  }
  if (content.at(-1)! & 0x80) throw syntaxError('truncated base 128 integer')
  const [both = 0, ...more] = numbers
  const root = Math.min(Math.floor(both / 40), 2)
  return [root, both - 40 * root, ...more].join('.')
}
