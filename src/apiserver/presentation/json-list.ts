import type { BodyParts } from '#client'
import type { ListMeta } from '#meta'
import { partsOf } from './item-list.ts'
import type { Shown } from './shown.ts'

export interface ListHead {
  readonly kind: string
  readonly apiVersion: string
  readonly metadata: ListMeta
}

const separator = Buffer.from(',')
const close = Buffer.from(']}\n')

/** The stored bytes of every object, with what stands between them. Only custom objects say in a list what they are: those of built-in kinds leave that to it. */
export const jsonList = (head: ListHead, items: readonly Shown[], untyped: boolean): BodyParts =>
  partsOf({ open: Buffer.from(`${JSON.stringify(head).slice(0, -1)},"items":[`), items, untyped, separator, close })
