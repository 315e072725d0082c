import type { BodyParts } from '#client'
import type { ListMeta } from '#meta'
import type { Shown } from './shown.ts'

export interface ListHead {
  readonly kind: string
  readonly apiVersion: string
  readonly metadata: ListMeta
}

const COMMA = Buffer.from(',')
const COMMA_CODE = 0x2c
const CLOSE = Buffer.from(']}\n')

/** The stored bytes of every object, with what stands between them. */
export function jsonList(head: ListHead, items: readonly Shown[]): BodyParts {
  const open = Buffer.from(`${JSON.stringify(head).slice(0, -1)},"items":[`)
  let byteLength = open.byteLength + Math.max(0, items.length - 1) * COMMA.byteLength + CLOSE.byteLength
  for (const item of items) byteLength += item.byteLength
  return {
    byteLength,
    *[Symbol.iterator]() {
      yield open
      for (let index = 0; index < items.length; index++) {
        if (index > 0) yield COMMA
        // A loop, for delegating to another iterator costs as much as all the rest.
        for (const part of items[index]!.parts()) yield part
      }
      yield CLOSE
    },
    reader: () => readerOf(open, items),
  }
}

/** Copies object by object: pieces of each would cost more than the copy. An object that does not fit any more begins the next call's. */
function readerOf(open: Uint8Array, items: readonly Shown[]): (target: Buffer) => number {
  let next = 0
  // What is copied in as many calls as it needs.
  let rest: Uint8Array | undefined = open
  return (target) => {
    let at = 0
    while (at < target.length) {
      if (rest !== undefined) {
        const length = Math.min(rest.length, target.length - at)
        target.set(rest.subarray(0, length), at)
        at += length
        rest = length === rest.length ? undefined : rest.subarray(length)
      } else if (next < items.length) {
        const item = items[next]!
        if (COMMA.length + item.byteLength <= target.length - at) {
          if (next > 0) target[at++] = COMMA_CODE
          at += item.copyTo(target, at)
        } else if (at > 0) return at
        else rest = Buffer.concat([...(next > 0 ? [COMMA] : []), ...item.parts()])
        next++
      } else if (next === items.length) {
        rest = CLOSE
        next++
      } else break
    }
    return at
  }
}
