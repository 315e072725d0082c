interface Claim<V> {
  readonly owner: number
  readonly value: V
}

export interface Difference<V> {
  readonly was: V | undefined
  readonly is: V | undefined
}

/**
 * Who wants which value under which key. The longest-standing owner's wish is in force, the others wait: two Services may
 * claim one external address, or share an endpoint, and either may go first.
 *
 *   claim(1, k, a)  claim(2, k, b)  release(1, k)   →   in force: a, a, b
 */
export class Claims<V> {
  readonly #claims = new Map<string, Claim<V>[]>()
  /** Keys touched since `settle`, with what was in force before. */
  readonly #touched = new Map<string, V | undefined>()

  claim(owner: number, key: string, value: V): void {
    this.#touch(key)
    const claims = this.#claims.get(key)
    if (claims === undefined) {
      this.#claims.set(key, [{ owner, value }])
      return
    }
    const at = claims.findIndex((claim) => claim.owner >= owner)
    if (at === -1) claims.push({ owner, value })
    else claims.splice(at, claims[at]!.owner === owner ? 1 : 0, { owner, value })
  }

  release(owner: number, key: string): void {
    this.#touch(key)
    const left = (this.#claims.get(key) ?? []).filter((claim) => claim.owner !== owner)
    if (left.length === 0) this.#claims.delete(key)
    else this.#claims.set(key, left)
  }

  /** What changed in force since the last call. */
  settle(): Map<string, Difference<V>> {
    const differences = new Map<string, Difference<V>>()
    for (const [key, was] of this.#touched) {
      const is = this.#claims.get(key)?.[0]?.value
      if (was !== is) differences.set(key, { was, is })
    }
    this.#touched.clear()
    return differences
  }

  #touch(key: string): void {
    if (!this.#touched.has(key)) this.#touched.set(key, this.#claims.get(key)?.[0]?.value)
  }
}
