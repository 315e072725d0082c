import { protobufEnvelopeParts, type ResourceDefinition } from '#api'
import type { ResponseBody, WatchFrame } from '#client'
import { apiVersionOf, type KubernetesObject, type ListMeta } from '#meta'
import type { ObjectVersion } from '../registry/object-version.ts'
import { joined, objectBody, sharedBody } from './body.ts'
import { type ChangeType, objectFrame, plainFrame, sharedFrame } from './frames.ts'
import { jsonList } from './json-list.ts'
import { type Form, type IncludeObject, includeObjectOf, MEDIA_TYPES, wrongTransform } from './negotiate.ts'
import { protobufList } from './protobuf-list.ts'
import { protobufOf, type Shown, showAllAs, showAs } from './shown.ts'
import { partialMetadata, tableOf } from './table.ts'

const LINE_END = Buffer.from('\n')

/** Writes versions in the form that one client asked for. What is the same for every client is made once and kept with the version. */
export class Presenter {
  readonly #resource: ResourceDefinition
  readonly #form: Form
  readonly #query: URLSearchParams
  #included: IncludeObject | undefined
  readonly #nowMs: () => number

  constructor(resource: ResourceDefinition, form: Form, query: URLSearchParams, nowMs: () => number) {
    this.#resource = resource
    this.#form = form
    this.#query = query
    this.#nowMs = nowMs
  }

  /** Of a watch's frames; JSON has none of its own for streams. 400 where the frames could not be made. */
  get streamMediaType(): string {
    void this.#includeObject
    const type = MEDIA_TYPES[this.#form.encoding]
    return this.#form.encoding === 'json' ? type : `${type};stream=watch`
  }

  one(version: ObjectVersion): ResponseBody {
    const shown = showAs(this.#resource, version)
    const { as, encoding } = this.#form
    if (as === 'metadata-list') throw wrongTransform('PartialObjectMetadataList', false, this.#typeName(this.#resource.kind))
    if (as !== 'object') return objectBody(this.#transformed(shown))
    if (encoding !== 'protobuf')
      return sharedBody(
        () => shown.object,
        () => joined([...shown.parts(false), LINE_END]),
      )
    const { kind } = this.#resource
    return sharedBody(
      () => shown.object,
      () => joined(protobufEnvelopeParts(apiVersionOf(this.#resource), kind, [protobufOf(this.#resource, shown).message])),
      MEDIA_TYPES.protobuf,
    )
  }

  list(versions: readonly ObjectVersion[], metadata: ListMeta): ResponseBody {
    const { as, version, encoding } = this.#form
    const { listKind } = this.#resource
    if (as === 'metadata') throw wrongTransform('PartialObjectMetadata', true, this.#typeName(listKind))
    const shown = showAllAs(this.#resource, versions)
    if (as === 'table') {
      const objects = shown.map(({ object }) => object)
      return objectBody(this.#table(objects, metadata))
    }
    if (as === 'metadata-list') {
      const items = shown.map(({ object }) => partialMetadata(object, version))
      return objectBody({ kind: 'PartialObjectMetadataList', apiVersion: `meta.k8s.io/${version}`, metadata, items })
    }
    // Lists of custom objects have no type that would leave it out.
    const shownMetadata = this.#resource.custom === undefined ? metadata : { continue: '', ...metadata }
    const head = { kind: listKind, apiVersion: apiVersionOf(this.#resource), metadata: shownMetadata }
    // What goes out as bytes is not parsed.
    const object = (): unknown => Object.freeze({ ...head, items: Object.freeze(shown.map((each) => each.object)) })
    if (encoding !== 'protobuf') return sharedBody(object, () => jsonList(head, shown, this.#resource.custom === undefined))
    return sharedBody(object, () => protobufList(this.#resource, head, shown), MEDIA_TYPES.protobuf)
  }

  frame(type: ChangeType, version: ObjectVersion): WatchFrame {
    const shown = showAs(this.#resource, version)
    const { as, encoding, version: formVersion } = this.#form
    if (as === 'object') {
      return sharedFrame(shown, `${type} ${encoding}`, 0, () => objectFrame(type, this.#resource, shown, encoding))
    }
    const form = `${type} ${encoding} ${as} ${formVersion} ${this.#includeObject}`
    const stamp = as === 'table' ? this.#nowSeconds() : 0
    return sharedFrame(shown, form, stamp, () => plainFrame(type, this.#transformed(shown), encoding))
  }

  bookmark(revision: number, annotations?: Readonly<Record<string, string>>): WatchFrame {
    const metadata = { resourceVersion: String(revision), ...(annotations && { annotations }) }
    const { as, encoding, version } = this.#form
    if (as === 'table') return plainFrame('BOOKMARK', this.#table([], { resourceVersion: String(revision) }), encoding)
    const object =
      as === 'object'
        ? { kind: this.#resource.kind, apiVersion: apiVersionOf(this.#resource), metadata }
        : partialMetadata({ metadata } as unknown as KubernetesObject, version)
    return plainFrame('BOOKMARK', object, encoding)
  }

  error(status: unknown): WatchFrame {
    return plainFrame('ERROR', status, this.#form.encoding)
  }

  /** What rows carry. A mistake in it is told where rows are made: whatever is wrong with the request comes first. */
  get #includeObject(): IncludeObject {
    return (this.#included ??= this.#form.as === 'table' ? includeObjectOf(this.#query) : 'Metadata')
  }

  /** An object as a table of one row, or as its metadata. */
  #transformed({ object }: Shown): unknown {
    return this.#form.as === 'table'
      ? this.#table([object], { resourceVersion: object.metadata?.resourceVersion ?? '' })
      : partialMetadata(object, this.#form.version)
  }

  #table(objects: readonly KubernetesObject[], metadata: ListMeta): unknown {
    return tableOf(this.#resource, objects, metadata, {
      version: this.#form.version,
      includeObject: this.#includeObject,
      nowMs: this.#nowSeconds() * 1000,
    })
  }

  /** Ages are whole seconds, so that a table made in one serves all who ask in it. */
  #nowSeconds(): number {
    return Math.floor(this.#nowMs() / 1000)
  }

  /** As Go prints the type. */
  #typeName(kind: string): string {
    return `*${this.#resource.group === '' ? 'core' : this.#resource.group.split('.', 1)[0]}.${kind}`
  }
}
