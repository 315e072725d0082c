import { fail } from './failure.ts'
import type { Value } from './value.ts'

/** A list. Its elements may be adapted from raw data when they are read. */
export abstract class CelList {
  abstract readonly size: number
  /** Only for 0 ≤ index < size. */
  abstract at(index: number): Value

  /** Equality of a list with rules of its own; undefined for that of CEL. */
  equalTo(_other: CelList): boolean | undefined {
    return undefined
  }

  /** `this + other` of a list with rules of its own. */
  concat(_other: CelList): CelList | undefined {
    return undefined
  }

  *[Symbol.iterator](): Generator<Value> {
    for (let index = 0; index < this.size; index++) yield this.at(index)
  }

  toArray(): Value[] {
    const result = new Array<Value>(this.size)
    for (let index = 0; index < result.length; index++) result[index] = this.at(index)
    return result
  }
}

/** A list of finished values. */
export class ArrayList extends CelList {
  protected readonly items: Value[]

  constructor(items: Value[]) {
    super()
    this.items = items
  }

  override get size(): number {
    return this.items.length
  }

  override at(index: number): Value {
    return this.items[index]!
  }

  override toArray(): Value[] {
    return this.items.slice()
  }
}

/** The accumulator of a fold into a list: `accumulator + [x]` appends in place, since nobody else can see it yet. */
export class ListBuilder extends ArrayList {
  append(list: CelList): this {
    for (let index = 0; index < list.size; index++) this.items.push(list.at(index))
    return this
  }

  /** The finished list, which later additions leave alone. */
  finish(): ArrayList {
    return new ArrayList(this.items)
  }
}

/** Doubling a list thirty times costs next to nothing; nothing that Kubernetes stores holds as many elements as this. */
export const LIST_SIZE_MAX = 1_000_000

/** `a + b` without copying either. Chains of additions flatten into an array once they are read. */
export class JoinedList extends CelList {
  override readonly size: number
  private parts: readonly [CelList, CelList] | undefined
  private flat: Value[] | undefined

  constructor(left: CelList, right: CelList) {
    super()
    this.size = left.size + right.size
    if (this.size > LIST_SIZE_MAX) fail('list too large')
    this.parts = [left, right]
  }

  override at(index: number): Value {
    return (this.flat ??= this.flatten())[index]!
  }

  private flatten(): Value[] {
    const result: Value[] = []
    const pending: CelList[] = [this]
    for (let list = pending.pop(); list !== undefined; list = pending.pop()) {
      if (list instanceof JoinedList && list.parts !== undefined) pending.push(list.parts[1], list.parts[0])
      else for (let index = 0; index < list.size; index++) result.push(list.at(index))
    }
    this.parts = undefined
    return result
  }
}
