import { isNotFound } from '#meta'
import type { RequestContext } from '../context.ts'
import type { DeleteRequest } from '../registry/deletion.ts'
import type { ObjectVersion } from '../registry/object-version.ts'
import type { Registry } from '../registry/registry.ts'
import { type ListResult, list, type ReadDependencies } from './list.ts'

/** Deletes under way at once for one request. */
const DELETES_AT_ONCE = 16

/**
 * Deletes what a list with the same selectors, limit and continue shows, each by itself: what was deleted by somebody else meanwhile is no failure, the
 * first other refusal ends it. Answers that list, of the objects as they were.
 */
export async function deleteCollection(
  context: RequestContext,
  registry: Registry,
  dependencies: ReadDependencies,
  request: DeleteRequest,
): Promise<ListResult> {
  const listed = await list(context, dependencies)
  const { versions } = listed
  let next = 0
  let failed = false
  const worker = async (): Promise<void> => {
    while (next < versions.length && !failed) {
      const at = next++
      try {
        await deleteOne(context, registry, versions[at]!, request)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const workers = await Promise.allSettled(Array.from({ length: DELETES_AT_ONCE }, worker))
  const failure = workers.find((result) => result.status === 'rejected')
  if (failure !== undefined) throw failure.reason
  return listed
}

async function deleteOne(
  context: RequestContext,
  registry: Registry,
  { object }: ObjectVersion,
  request: DeleteRequest,
): Promise<void> {
  const { name = '', namespace = '' } = object.metadata ?? {}
  const one: RequestContext = { ...context, info: { ...context.info, name, namespace } }
  try {
    await registry.delete(one, name, request)
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
