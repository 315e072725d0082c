import type { KubernetesObject } from '#meta'

/** What comes before the metadata's fields of an object that does not say what it is. */
export const UNTYPED_OPEN = Buffer.from('{"metadata":{')
/** Where the metadata begins, in what {@link EncodedObject} and the store encode. */
export const MARK = UNTYPED_OPEN.subarray(1)
const BRACE = UNTYPED_OPEN.subarray(0, 1)

/** The JSON of an object in one piece: kind, apiVersion and metadata lead, so that the first two can be left out without another encoding. */
export class EncodedObject {
  readonly bytes: Buffer
  /** Of what is left out. */
  readonly #typeLength: number

  constructor({ kind, apiVersion, metadata = {}, ...rest }: KubernetesObject) {
    this.bytes = Buffer.from(JSON.stringify({ kind, apiVersion, metadata, ...rest }))
    this.#typeLength = this.bytes.indexOf(MARK) - BRACE.length
  }

  length(untyped: boolean): number {
    return untyped ? this.bytes.length - this.#typeLength : this.bytes.length
  }

  parts(untyped: boolean): readonly Uint8Array[] {
    return untyped ? [BRACE, this.bytes.subarray(this.#typeLength + BRACE.length)] : [this.bytes]
  }

  copyTo(target: Buffer, at: number, untyped: boolean): number {
    if (!untyped) return this.bytes.copy(target, at)
    this.bytes.copy(target, at, this.#typeLength)
    target.set(BRACE, at)
    return this.length(true)
  }
}
