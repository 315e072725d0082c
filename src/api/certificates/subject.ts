import { DER, type DerElement, elementsOf, expectElement, inOrder, objectIdentifier } from './der.ts'

/** Of the name of a subject (X.501) what Kubernetes takes for a user and groups. */
export interface Subject {
  /** The last one; empty when there is none. */
  readonly commonName: string
  readonly organizations: readonly string[]
}

const [COMMON_NAME, ORGANIZATION] = ['2.5.4.3', '2.5.4.10']

export function readSubject(subject: DerElement): Subject {
  let commonName = ''
  const organizations: string[] = []
  for (const names of elementsOf(expectElement(subject, DER.sequence, 'RDNSequence').content))
    for (const attribute of elementsOf(expectElement(names, DER.set, 'RelativeDistinguishedNameSET').content)) {
      const [type, value] = inOrder(expectElement(attribute, DER.sequence, 'AttributeTypeAndValue'), [
        [DER.objectIdentifier, 'ObjectIdentifier'],
        [undefined, ''],
      ])
      const identifier = objectIdentifier(type!)
      if (identifier === COMMON_NAME) commonName = textOf(value!) ?? commonName
      else if (identifier === ORGANIZATION) organizations.push(...optional(textOf(value!)))
    }
  return { commonName, organizations }
}

const optional = (text: string | undefined): string[] => (text === undefined ? [] : [text])

const [UTF8, NUMERIC, PRINTABLE, T61, IA5, BMP] = [0x0c, 0x12, 0x13, 0x14, 0x16, 0x1e]

/** undefined: no string, which is nobody's name. */
function textOf({ tag, content }: DerElement): string | undefined {
  switch (tag) {
    case UTF8:
    case NUMERIC:
    case PRINTABLE:
    case IA5:
      return content.toString('utf8')
    case T61:
      return content.toString('latin1')
    case BMP:
      return content.length % 2 === 0 ? Buffer.from(content).swap16().toString('utf16le') : undefined
    default:
      return undefined
  }
}
