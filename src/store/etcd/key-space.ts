/** Where upstream keeps everything, and what `--etcd-prefix` replaces. */
const ROOT = '/registry'

/** Keys as the API server has them, inside, and as they stand in etcd, outside. */
export class KeySpace {
  readonly #root: string
  readonly #prefix: string

  /** `root` is what of every key `prefix` replaces. */
  constructor(prefix: string = ROOT, root: string = ROOT) {
    this.#root = root
    this.#prefix = `/${prefix}`.replace(/\/+/g, '/').replace(/\/$/, '')
  }

  outside(key: string): string {
    return key.startsWith(this.#root) ? this.#prefix + key.slice(this.#root.length) : `${this.#prefix}/${key}`
  }

  inside(key: string): string {
    return this.#root + key.slice(this.#prefix.length)
  }
}
