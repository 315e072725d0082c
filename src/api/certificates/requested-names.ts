import { DER, type DerElement, elementAt, elementsOf, expectElement, inOrder, objectIdentifier } from './der.ts'

/** Alternative names of the subject of a certificate (RFC 5280, 4.2.1.6), of the four kinds that are looked at. */
export interface SubjectNames {
  readonly dnsNames: readonly string[]
  readonly emailAddresses: readonly string[]
  readonly ipAddresses: readonly string[]
  readonly uris: readonly string[]
}

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14'
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17'

/**
 * The names that the attributes of a request ask for (RFC 2985, 5.4.2), as Go's crypto/x509 reads them: an attribute that is none is passed over, as are the
 * values of one behind the first; an extension that is requested twice, or whose names are malformed, is an error in Go's words.
 */
export function requestedNames(attributes: DerElement): SubjectNames {
  const names = { dnsNames: [] as string[], emailAddresses: [] as string[], ipAddresses: [] as string[], uris: [] as string[] }
  const seen = new Set<string>()
  for (const attribute of elementsOf(attributes.content))
    for (const [type, value] of extensionsOf(attribute)) {
      if (seen.has(type)) throw new Error('x509: certificate request contains duplicate requested extensions')
      seen.add(type)
      if (type === SUBJECT_ALTERNATIVE_NAME) readNames(value, names)
    }
  return names
}

function extensionsOf(attribute: DerElement): (readonly [type: string, value: Buffer])[] {
  const value = requestOf(attribute)
  if (value === undefined) return []
  return [...elementsOf(expectElement(value, DER.sequence, '').content)].map((extension) => {
    const sequence = expectElement(extension, DER.sequence, 'Extension')
    const [type, critical] = inOrder(sequence, [
      [DER.objectIdentifier, 'ObjectIdentifier'],
      [undefined, ''],
    ])
    const content = critical!.tag === DER.boolean ? inOrder(sequence, [...SKIPPED, [DER.octetString, '']]).at(-1)! : critical!
    return [objectIdentifier(type!), expectElement(content, DER.octetString, '').content] as const
  })
}

const SKIPPED = [
  [undefined, ''],
  [undefined, ''],
] as const

/** The first value of an attribute that requests extensions; undefined for any other, and for what is no attribute. */
function requestOf(attribute: DerElement): DerElement | undefined {
  try {
    const [type, values] = inOrder(expectElement(attribute, DER.sequence, ''), [
      [DER.objectIdentifier, ''],
      [DER.set, ''],
    ])
    const [first] = [...elementsOf(values!.content)]
    return objectIdentifier(type!) === EXTENSION_REQUEST ? first : undefined
  } catch {
    return undefined
  }
}

const [EMAIL, DNS, URI, IP] = [1, 2, 6, 7]

type Lists = { readonly [K in keyof SubjectNames]: string[] }

function readNames(value: Buffer, names: Lists): void {
  for (const { tag, content } of namesIn(value)) {
    switch (tag ^ 0x80) {
      case EMAIL:
        names.emailAddresses.push(asciiOf(content, 'rfc822Name'))
        break
      case DNS:
        names.dnsNames.push(asciiOf(content, 'dNSName'))
        break
      case URI:
        names.uris.push(uriOf(asciiOf(content, 'uniformResourceIdentifier')))
        break
      case IP:
        names.ipAddresses.push(addressOf(content))
        break
      default:
      // Names of other kinds say nothing to whoever signs.
    }
  }
}

function namesIn(value: Buffer): DerElement[] {
  const invalid = 'x509: invalid subject alternative name'
  const read = <T>(message: string, parse: () => T): T => {
    try {
      return parse()
    } catch (cause) {
      throw new Error(message, { cause })
    }
  }
  const whole = read(`${invalid}s`, () => expectElement(elementAt(value), DER.sequence, ''))
  return read(invalid, () => [...elementsOf(whole.content)])
}

function asciiOf(content: Buffer, kind: string): string {
  if (content.some((byte) => byte > 0x7f)) throw new Error(`x509: SAN ${kind} is malformed`)
  return content.toString('latin1')
}

function addressOf(content: Buffer): string {
  if (content.length === 4) return content.join('.')
  if (content.length !== 16) throw new Error(`x509: cannot parse IP address of length ${content.length}`)
  const groups = Array.from({ length: 8 }, (_, index) => content.readUInt16BE(2 * index).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

/** Scheme, if any, and what stands between `//` and the path. */
const PARTS = /^(?:([^:/?#]*):)?(?:\/\/([^/?#]*))?/

function uriOf(text: string): string {
  const fail = (why: string): Error => new Error(`x509: cannot parse URI ${JSON.stringify(text)}: ${why}`)
  const bad = uriProblem(text)
  if (bad !== undefined) throw fail(`parse ${JSON.stringify(text)}: ${bad}`)
  const host = (PARTS.exec(text)?.[2] ?? '').replace(/^.*@/, '')
  if (host !== '' && !host.split('.').every((label) => /^[!-~]+$/.test(label))) throw fail('invalid domain')
  return text
}

function uriProblem(text: string): string | undefined {
  for (const character of text) if (character < ' ' || character === '\x7f') return 'net/url: invalid control character in URL'
  const scheme = PARTS.exec(text)?.[1]
  if (scheme === '') return 'missing protocol scheme'
  if (scheme !== undefined && !/^[a-z][a-z0-9+.-]*$/i.test(scheme)) return 'first path segment in URL cannot contain colon'
  const broken = /%(?![0-9a-f]{2}).{0,2}/i.exec(text.split('#', 1)[0]!.split('?', 1)[0]!)
  return broken === null ? undefined : `invalid URL escape ${JSON.stringify(broken[0])}`
}
