import { encodeProtobufMessage, protobufEnvelopeAround, type ResourceDefinition } from '#api'
import type { BodyParts } from '#client'
import { lengthOf, partsOf } from './item-list.ts'
import type { ListHead } from './json-list.ts'
import { delimiterOf, type Item, protobufOf, type Shown } from './shown.ts'

const METADATA_TAG = 0x0a
const LIST_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta'
const separator = Buffer.alloc(0)

/** The message of a list, of whose objects each is encoded once. */
export function protobufList(resource: ResourceDefinition, head: ListHead, shown: readonly Shown[]): BodyParts {
  const items = itemsOf(resource, shown)
  const metadata = encodeProtobufMessage(LIST_META, head.metadata)
  const delimiter = delimiterOf(METADATA_TAG, metadata.length)
  const length = delimiter.length + metadata.length + lengthOf(items, false)
  const { open, close } = protobufEnvelopeAround(head.apiVersion, head.kind, length)
  return partsOf({ open: Buffer.concat([open, delimiter, metadata]), items, untyped: false, separator, close })
}

const encoded = new WeakMap<readonly Shown[], readonly Item[]>()

/** The same for all who list the same. */
function itemsOf(resource: ResourceDefinition, shown: readonly Shown[]): readonly Item[] {
  let items = encoded.get(shown)
  if (items === undefined) {
    items = shown.map((each) => protobufOf(resource, each))
    encoded.set(shown, items)
  }
  return items
}
