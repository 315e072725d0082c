import type { Clock } from '#base'
import { openEmbeddedStore, openMemoryStore, type Store } from '#store'

/** The store that a configuration names: `embedded` or `memory`. */
export async function openStore(kind: string, options: { readonly directory: string; readonly clock: Clock }): Promise<Store> {
  if (kind === 'embedded') return openEmbeddedStore(options)
  if (kind === 'memory') return openMemoryStore(options)
  throw new Error(`there is no store ${JSON.stringify(kind)}; use embedded (etcd is not supported yet)`)
}
