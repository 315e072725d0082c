import { protobufEnvelopeParts, type ResourceDefinition } from '#api'
import type { ResponseBody, WatchFrame } from '#client'
import { apiVersionOf, conform, failure, type KubernetesObject, type ListMeta, type StatusError } from '#meta'
import type { ObjectVersion } from '../registry/object-version.ts'
import { joined, objectBody, sharedBody } from './body.ts'
import { type ChangeType, objectFrame, plainFrame, sharedFrame } from './frames.ts'
import { jsonList } from './json-list.ts'
import { type Form, type IncludeObject, includeObjectOf, MEDIA_TYPES, wrongTransform } from './negotiate.ts'
import { protobufList } from './protobuf-list.ts'
import { protobufOf, type Shown, showAllAs, showAs } from './shown.ts'
import { partialMetadata, type Table, tableOf } from './table.ts'

const LINE_END = Buffer.from('\n')

/** A form that an event has none of: upstream ends a watch that comes to it. */
export class Unshowable extends Error {
  override readonly name = 'Unshowable'
}

/** Writes versions in the form that one client asked for. What is the same for every client is made once and kept with the version. */
export class Presenter {
  readonly #resource: ResourceDefinition
  readonly #form: Form
  readonly #includeObject: IncludeObject
  readonly #nowMs: () => number
  #isHeadSent = false

  constructor(resource: ResourceDefinition, form: Form, query: URLSearchParams, nowMs: () => number) {
    this.#resource = resource
    this.#form = form
    this.#includeObject = form.as === 'table' ? includeObjectOf(query) : 'Metadata'
    this.#nowMs = nowMs
  }

  /** Of a watch's frames; JSON has none of its own for streams. */
  get streamMediaType(): string {
    const type = MEDIA_TYPES[this.#form.encoding]
    return this.#form.encoding === 'json' ? type : `${type};stream=watch`
  }

  one(version: ObjectVersion): ResponseBody {
    const shown = showAs(this.#resource, version)
    const { as, encoding } = this.#form
    if (as === 'metadata-list') throw this.#isNoList()
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

  /** Throws {@link Unshowable}. */
  frame(type: ChangeType, version: ObjectVersion): WatchFrame {
    const { as, encoding, version: formVersion } = this.#form
    if (as === 'metadata-list') throw new Unshowable()
    const shown = showAs(this.#resource, version)
    if (as === 'object') {
      return sharedFrame(shown, `${type} ${encoding}`, 0, () => objectFrame(type, this.#resource, shown, encoding))
    }
    const form = `${type} ${encoding} ${as} ${formVersion} ${this.#includeObject}`
    if (as === 'metadata') return sharedFrame(shown, form, 0, () => plainFrame(type, this.#transformed(shown), encoding))
    const stamp = this.#nowSeconds()
    return this.#tableFrame(type, (isFirst) =>
      sharedFrame(shown, `${form} ${isFirst}`, stamp, () =>
        plainFrame(type, headed(this.#transformed(shown), isFirst), encoding),
      ),
    )
  }

  /** The first frame that is sent tells of the columns, no other: which that is, is known once it is asked for its bytes. */
  #tableFrame(type: WatchFrame['type'], make: (isFirst: boolean) => WatchFrame): WatchFrame {
    let made: WatchFrame | undefined
    const frame = (): WatchFrame => {
      made ??= make(!this.#isHeadSent)
      this.#isHeadSent = true
      return made
    }
    return {
      type,
      get object() {
        return frame().object
      },
      bytes: () => frame().bytes(),
      chunk: () => frame().chunk!(),
    }
  }

  /** Throws {@link Unshowable}. */
  bookmark(revision: number, annotations?: Readonly<Record<string, string>>): WatchFrame {
    const metadata = { resourceVersion: String(revision), ...(annotations && { annotations }) }
    const { as, encoding, version } = this.#form
    if (as === 'metadata-list') throw new Unshowable()
    const object = { kind: this.#resource.kind, apiVersion: apiVersionOf(this.#resource), metadata }
    if (as === 'metadata') return plainFrame('BOOKMARK', partialMetadata(object, version), encoding)
    if (as === 'object') return plainFrame('BOOKMARK', object, encoding)
    const table = this.#table([emptyOf(this.#resource, object)], { resourceVersion: String(revision) }, annotations !== undefined)
    return this.#tableFrame('BOOKMARK', (isFirst) => plainFrame('BOOKMARK', headed(table, isFirst), encoding))
  }

  error(status: unknown): WatchFrame {
    return plainFrame('ERROR', status, this.#form.encoding)
  }

  /** An object as a table of one row, or as its metadata. */
  #transformed({ object }: Shown): object {
    return this.#form.as === 'table'
      ? this.#table([object], { resourceVersion: object.metadata?.resourceVersion ?? '' })
      : partialMetadata(object, this.#form.version)
  }

  /** `isMark`: what says that all has been told is seen even by who wants no objects. */
  #table(objects: readonly KubernetesObject[], metadata: ListMeta, isMark = false): Table {
    return tableOf(this.#resource, objects, metadata, {
      version: this.#form.version,
      includeObject: isMark && this.#includeObject === 'None' ? 'Metadata' : this.#includeObject,
      nowMs: this.#nowSeconds() * 1000,
    })
  }

  /** Ages are whole seconds, so that a table made in one serves all who ask in it. */
  #nowSeconds(): number {
    return Math.floor(this.#nowMs() / 1000)
  }

  /** Custom objects pass for lists, until somebody looks at their items. */
  #isNoList(): StatusError {
    if (this.#resource.custom !== undefined) return failure(500, '', 'content is not a list')
    return wrongTransform('PartialObjectMetadataList', false, this.#typeName(this.#resource.kind))
  }

  /** As Go prints the type. */
  #typeName(kind: string): string {
    return `*${this.#resource.group === '' ? 'core' : this.#resource.group.split('.', 1)[0]}.${kind}`
  }
}

const headed = (table: object, isFirst: boolean): object => (isFirst ? table : { ...table, columnDefinitions: null })

/** With what an object of its type always has, which columns read. */
function emptyOf(resource: ResourceDefinition, object: KubernetesObject): KubernetesObject {
  if (resource.custom !== undefined) return object
  return (resource.conform?.(object) ?? conform(object, resource.schema(), {})).value as KubernetesObject
}
