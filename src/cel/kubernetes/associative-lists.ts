import { equal } from '../values/equality.ts'
import { type Adapt, JsonList } from '../values/json.ts'
import type { CelList } from '../values/list.ts'
import { StructValue } from '../values/struct.ts'
import type { Value } from '../values/value.ts'
import { spend } from '../values/work.ts'

const finished: Adapt = (value) => value as Value

/** `x-kubernetes-list-type: set`: equality ignores the order, `+` is the union, which is a set again. */
export class SetList extends JsonList {
  override equalTo(other: CelList): boolean {
    if (other.size !== this.size) return false
    spend(this.size * this.size)
    return other.toArray().every((value) => this.has(value))
  }

  override concat(other: CelList): CelList {
    const items = this.toArray()
    spend((items.length + other.size) * other.size)
    for (const value of other) if (!items.some((item) => equal(item, value))) items.push(value)
    return new SetList(items, finished)
  }

  private has(value: Value): boolean {
    for (let at = 0; at < this.size; at++) if (equal(this.at(at), value)) return true
    return false
  }
}

/** `x-kubernetes-list-type: map`: equality ignores the order, `+` replaces elements of the same keys where they are and appends the others. */
export class MapList extends JsonList {
  private readonly keys: readonly string[]

  constructor(raw: readonly unknown[], adapt: Adapt, keys: readonly string[]) {
    super(raw, adapt)
    this.keys = keys
  }

  override equalTo(other: CelList): boolean {
    if (other.size !== this.size) return false
    spend(this.size)
    const own = new Map(this.toArray().map((item) => [this.keyOf(item), item]))
    return other.toArray().every((item) => {
      const mine = own.get(this.keyOf(item))
      return mine !== undefined && equal(mine, item)
    })
  }

  override concat(other: CelList): CelList {
    spend(this.size + other.size)
    const items = new Map(this.toArray().map((item) => [this.keyOf(item), item]))
    for (const item of other) items.set(this.keyOf(item), item)
    return new MapList([...items.values()], finished, this.keys)
  }

  private keyOf(item: Value): string {
    if (!(item instanceof StructValue)) return JSON.stringify(item)
    return JSON.stringify(this.keys.map((key) => (item.has(key) ? String(item.field(key)) : null)))
  }
}
