import { type Change, type Progress, RevisionConflict, type Store, StoreFailure } from '#store'
import type { Action, Answer, Seen, Told } from './history.ts'
import { Broken, type Target } from './workload.ts'

const text = (value: Uint8Array): string => Buffer.from(value).toString()

/** A store as those see it whose history is kept. Reads of a store are of the latest. */
export function storeTarget(store: Store, prefix: string): Target {
  return {
    prefix,
    ask: (action) => answered(() => ask(store, action)),
    async *watch(since, signal) {
      try {
        for await (const change of store.watch(prefix, since, signal)) yield toldOf(change)
      } catch (error) {
        if (error instanceof StoreFailure && error.reason === 'Unavailable') throw new Broken(error.message, { cause: error })
        throw error
      }
    },
    latest: () => store.latest(),
  }
}

async function ask(store: Store, action: Action): Promise<Answer> {
  switch (action.type) {
    case 'put': {
      const { key, value, from } = action
      return { type: 'done', revision: await store.put(key, Buffer.from(value), { expected: from?.revision ?? 0 }) }
    }
    case 'delete':
      return { type: 'done', revision: await store.delete(action.key, action.from.revision) }
    case 'get': {
      const entry = await store.get(action.key)
      return { type: 'read', entries: entry === undefined ? [] : [seenOf(entry)], revision: undefined }
    }
    case 'list': {
      const { entries, revision } = await store.list(action.prefix)
      return { type: 'read', entries: entries.map(seenOf), revision }
    }
  }
}

async function answered(asking: () => Promise<Answer>): Promise<Answer> {
  try {
    return await asking()
  } catch (error) {
    if (error instanceof RevisionConflict) {
      return { type: 'refused', current: error.current === undefined ? null : seenOf(error.current) }
    }
    if (error instanceof StoreFailure && error.reason === 'Unavailable') return { type: 'unknown' }
    if (error instanceof StoreFailure && error.reason === 'NoSpace') return { type: 'failed' }
    throw error
  }
}

const seenOf = ({ key, value, revision }: { key: string; value: Uint8Array; revision: number }): Seen => ({
  key,
  value: text(value),
  revision,
})

function toldOf(change: Change | Progress): Told {
  if (change.type === 'progress') return change
  const { type, key, value, revision, previous } = change
  return { type, key, value: text(value), revision, previous: previous === undefined ? null : seenOf(previous) }
}
