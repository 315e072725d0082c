import type { ResourceDefinition } from '#api'
import { deepFreeze } from '#base'
import type { ResponseBody, WatchFrame } from '#client'
import { apiVersionOf, badRequest, type KubernetesObject, type ListMeta } from '#meta'
import type { ObjectVersion } from '../registry/object-version.ts'
import type { Form } from './negotiate.ts'
import { type IncludeObject, partialMetadata, tableOf } from './table.ts'

/** A version as one resource shows it: parsed and encoded, both shared. */
interface Shown {
  readonly object: KubernetesObject
  bytes(): Uint8Array
}

/** Writes versions in the form that one client asked for. What is the same for every client is made once and kept with the version. */
export class Presenter {
  readonly #resource: ResourceDefinition
  readonly #form: Form
  readonly #includeObject: IncludeObject
  readonly #nowMs: () => number

  constructor(resource: ResourceDefinition, form: Form, query: URLSearchParams, nowMs: () => number) {
    this.#resource = resource
    this.#form = form
    this.#includeObject = includeObjectOf(query)
    this.#nowMs = nowMs
  }

  one(version: ObjectVersion): ResponseBody {
    const shown = showAs(this.#resource, version)
    if (this.#form.as === 'object') return { kind: 'object', object: shown.object, bytes: () => shown.bytes() }
    const metadata = { resourceVersion: shown.object.metadata?.resourceVersion ?? '' }
    return jsonBody(
      this.#form.as === 'table' ? this.#table([shown.object], metadata) : partialMetadata(shown.object, this.#form.version),
    )
  }

  list(versions: readonly ObjectVersion[], metadata: ListMeta): ResponseBody {
    const shown = versions.map((version) => showAs(this.#resource, version))
    const objects = shown.map(({ object }) => object)
    if (this.#form.as === 'table') return jsonBody(this.#table(objects, metadata))
    if (this.#form.as === 'metadata') {
      const { version } = this.#form
      const items = objects.map((object) => partialMetadata(object, version))
      return jsonBody({ kind: 'PartialObjectMetadataList', apiVersion: `meta.k8s.io/${version}`, metadata, items })
    }
    const head = { kind: this.#resource.listKind, apiVersion: apiVersionOf(this.#resource), metadata }
    return memoised(Object.freeze({ ...head, items: Object.freeze(objects) }), () => joinList(head, shown))
  }

  frame(type: 'ADDED' | 'MODIFIED' | 'DELETED', version: ObjectVersion): WatchFrame {
    const shown = showAs(this.#resource, version)
    if (this.#form.as === 'object') return sharedFrame(type, shown)
    const metadata = { resourceVersion: shown.object.metadata?.resourceVersion ?? '' }
    const object =
      this.#form.as === 'table' ? this.#table([shown.object], metadata) : partialMetadata(shown.object, this.#form.version)
    return ownFrame(type, object)
  }

  bookmark(revision: number, annotations?: Readonly<Record<string, string>>): WatchFrame {
    const metadata = { resourceVersion: String(revision), creationTimestamp: null, ...(annotations && { annotations }) }
    const head = { kind: this.#resource.kind, apiVersion: apiVersionOf(this.#resource) }
    if (this.#form.as === 'table') return ownFrame('BOOKMARK', this.#table([], { resourceVersion: String(revision) }))
    if (this.#form.as === 'metadata')
      return ownFrame('BOOKMARK', partialMetadata({ metadata } as unknown as KubernetesObject, this.#form.version))
    return ownFrame('BOOKMARK', { ...head, metadata })
  }

  #table(objects: readonly KubernetesObject[], metadata: ListMeta): unknown {
    return tableOf(this.#resource, objects, metadata, {
      version: this.#form.version,
      includeObject: this.#includeObject,
      nowMs: this.#nowMs(),
    })
  }
}

export const errorFrame = (status: unknown): WatchFrame => ownFrame('ERROR', status)

export function jsonBody(object: unknown): ResponseBody {
  return memoised(deepFreeze(object), () => Buffer.from(JSON.stringify(object)))
}

function memoised(object: unknown, encode: () => Uint8Array): ResponseBody {
  let bytes: Uint8Array | undefined
  return {
    kind: 'object',
    object,
    bytes: () => {
      bytes ??= encode()
      return bytes
    },
  }
}

const converted = new WeakMap<ObjectVersion, Map<ResourceDefinition, Shown>>()

/** Another version of the same stored kind converts once per version. */
function showAs(resource: ResourceDefinition, version: ObjectVersion): Shown {
  if (resource.storage === undefined) return version
  let forms = converted.get(version)
  if (forms === undefined) {
    forms = new Map()
    converted.set(version, forms)
  }
  let shown = forms.get(resource)
  if (shown === undefined) {
    const object = deepFreeze({
      ...resource.storage.fromStored(version.object),
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
    })
    let bytes: Uint8Array | undefined
    shown = {
      object,
      bytes() {
        bytes ??= Buffer.from(JSON.stringify(object))
        return bytes
      },
    }
    forms.set(resource, shown)
  }
  return shown
}

const OPEN = {
  ADDED: '{"type":"ADDED","object":',
  MODIFIED: '{"type":"MODIFIED","object":',
  DELETED: '{"type":"DELETED","object":',
}
const frames = new WeakMap<Shown, Map<string, WatchFrame>>()

/** One frame per change for all watchers. */
function sharedFrame(type: keyof typeof OPEN, shown: Shown): WatchFrame {
  let byType = frames.get(shown)
  if (byType === undefined) {
    byType = new Map()
    frames.set(shown, byType)
  }
  let frame = byType.get(type)
  if (frame === undefined) {
    let bytes: Uint8Array | undefined
    frame = {
      type,
      object: shown.object,
      bytes: () => {
        bytes ??= Buffer.concat([Buffer.from(OPEN[type]), shown.bytes(), Buffer.from('}\n')])
        return bytes
      },
    }
    byType.set(type, frame)
  }
  return frame
}

function ownFrame(type: WatchFrame['type'], object: unknown): WatchFrame {
  return { type, object: deepFreeze(object), bytes: () => Buffer.from(`${JSON.stringify({ type, object })}\n`) }
}

function joinList(head: object, items: readonly Shown[]): Uint8Array {
  const opening = JSON.stringify(head)
  const parts: Uint8Array[] = [Buffer.from(`${opening.slice(0, -1)},"items":[`)]
  for (const [index, item] of items.entries()) {
    if (index > 0) parts.push(COMMA)
    parts.push(item.bytes())
  }
  parts.push(CLOSE)
  return Buffer.concat(parts)
}

const COMMA = Buffer.from(',')
const CLOSE = Buffer.from(']}\n')

function includeObjectOf(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject') ?? ''
  if (value === '') return 'Metadata'
  if (value === 'None' || value === 'Metadata' || value === 'Object') return value
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(value)}`)
}
