import { failure } from '#meta'

/** The form in which a client wants objects. */
export interface Form {
  readonly as: 'object' | 'table' | 'metadata'
  readonly encoding: 'json' | 'yaml'
  /** Of meta.k8s.io, for tables and metadata. */
  readonly version: 'v1' | 'v1beta1'
}

interface Clause {
  readonly type: string
  readonly parameters: ReadonlyMap<string, string>
  readonly quality: number
}

const ENCODINGS: Readonly<Record<string, Form['encoding']>> = {
  'application/json': 'json',
  'application/yaml': 'yaml',
  'application/*': 'json',
  '*/*': 'json',
}

/** The first acceptable form in the client's order of preference. Throws 406 when there is none. */
export function negotiate(accept: string | undefined, streaming: boolean): Form {
  for (const { type, parameters } of parseAccept(accept)) {
    const encoding = ENCODINGS[type]
    if (encoding === undefined || (streaming && encoding === 'yaml')) continue
    const as = parameters.get('as')
    if (as === undefined) return { as: 'object', encoding, version: 'v1' }
    const version = parameters.get('v')
    if (parameters.get('g') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) continue
    if (as === 'Table') return { as: 'table', encoding, version }
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return { as: 'metadata', encoding, version }
  }
  throw notAcceptable(['application/json', 'application/yaml'])
}

export const notAcceptable = (types: readonly string[]): Error =>
  failure(406, 'NotAcceptable', `only the following media types are accepted: ${types.join(', ')}`)

/** Clauses by falling quality; a missing header accepts anything. */
export function parseAccept(accept: string | undefined): Clause[] {
  const text = accept?.trim() ? accept : '*/*'
  return text
    .split(',')
    .map((clause): Clause => {
      const [type = '', ...rest] = clause.split(';').map((part) => part.trim())
      const parameters = new Map(
        rest.map((part): [string, string] => [part.split('=')[0]!.toLowerCase(), part.slice(part.indexOf('=') + 1)]),
      )
      return { type: type.toLowerCase(), parameters, quality: Number(parameters.get('q') ?? 1) }
    })
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)
}
