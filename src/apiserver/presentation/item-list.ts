import type { BodyParts } from '#client'
import type { Item } from './shown.ts'

/** A list as it is sent. */
export interface ItemList {
  readonly open: Uint8Array
  readonly items: readonly Item[]
  /** Whether each leaves out what all have in common. */
  readonly untyped: boolean
  /** Between two items. */
  readonly separator: Uint8Array
  readonly close: Uint8Array
}

const lengths = new WeakMap<readonly Item[], number>()

/** Of all items together, of which each list has one form. Asking each costs a list as much as a tenth of it, and is done once for all who read the same one. */
export function lengthOf(items: readonly Item[], untyped: boolean): number {
  let length = lengths.get(items)
  if (length === undefined) {
    length = 0
    for (const item of items) length += item.length(untyped)
    lengths.set(items, length)
  }
  return length
}

/** The bytes of every item, with what stands around and between them. */
export function partsOf(list: ItemList): BodyParts {
  const { open, items, untyped, separator, close } = list
  return {
    byteLength:
      open.byteLength + lengthOf(items, untyped) + Math.max(0, items.length - 1) * separator.byteLength + close.byteLength,
    *[Symbol.iterator]() {
      yield open
      for (let index = 0; index < items.length; index++) {
        if (index > 0 && separator.length > 0) yield separator
        // A loop, for delegating to another iterator costs as much as all the rest.
        for (const part of items[index]!.parts(untyped)) yield part
      }
      yield close
    },
    reader: () => readerOf(list),
  }
}

/** Copies item by item: pieces of each would cost more than the copy. An item that does not fit any more begins the next call's. */
function readerOf({ open, items, untyped, separator, close }: ItemList): (target: Buffer) => number {
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
        if (separator.length + item.length(untyped) <= target.length - at) {
          if (next > 0) for (let index = 0; index < separator.length; index++) target[at++] = separator[index]!
          at += item.copyTo(target, at, untyped)
        } else if (at > 0) return at
        else rest = Buffer.concat([...(next > 0 ? [separator] : []), ...item.parts(untyped)])
        next++
      } else if (next === items.length) {
        rest = close
        next++
      } else break
    }
    return at
  }
}
