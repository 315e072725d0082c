import { encodeProtobufMessage, protobufEnvelopeAround, type ResourceDefinition } from '#api'
import type { BodyParts } from '#client'
import { joined } from './body.ts'
import type { ListHead } from './json-list.ts'
import { joinNeighbours } from './kept-messages.ts'
import { delimiterOf, protobufOf, type Shown } from './shown.ts'

const METADATA_TAG = 0x0a
const LIST_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta'

/** The message of a list, of whose objects each is encoded once. */
export function protobufList(resource: ResourceDefinition, head: ListHead, shown: readonly Shown[]): BodyParts {
  const { pieces, byteLength } = itemsOf(resource, shown)
  const metadata = encodeProtobufMessage(LIST_META, head.metadata)
  const delimiter = delimiterOf(METADATA_TAG, metadata.length)
  const length = delimiter.length + metadata.length + byteLength
  const { open, close } = protobufEnvelopeAround(head.apiVersion, head.kind, length)
  return joined([Buffer.concat([open, delimiter, metadata]), ...pieces, close])
}

interface Items {
  /** As they lie in memory: most follow one another. */
  readonly pieces: readonly Uint8Array[]
  readonly byteLength: number
}

const encoded = new WeakMap<readonly Shown[], Items>()

/** The same for all who list the same. */
function itemsOf(resource: ResourceDefinition, shown: readonly Shown[]): Items {
  let items = encoded.get(shown)
  if (items === undefined) {
    const pieces = joinNeighbours(shown.map((each) => protobufOf(resource, each).item))
    items = { pieces, byteLength: joined(pieces).byteLength }
    encoded.set(shown, items)
  }
  return items
}
