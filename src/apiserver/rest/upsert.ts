import { isAlreadyExists, isNotFound, StatusError } from '#meta'
import { type Authorizer, requireAuthorization } from '../authorization/index.ts'
import type { RequestContext } from '../context.ts'
import type { ObjectVersion } from '../registry/object-version.ts'
import type { CreateOptions } from '../registry/registry.ts'

/** An object that is deleted and made again all the time is given up on. */
const RACES_MAX = 5

export interface WrittenVersion {
  readonly version: ObjectVersion
  readonly created: boolean
}

export interface UpsertSteps {
  update(): Promise<ObjectVersion>
  /** What to do where there is nothing to update; absent: 404. `authorize` is asked when the new object has been judged, as upstream does. */
  readonly create: ((authorize: CreateOptions['authorize']) => Promise<ObjectVersion>) | undefined
}

/** Updates the object that the request names, or creates it, for whoever may create. */
export async function upsert(
  context: RequestContext,
  authorizers: readonly Authorizer[],
  { update, create }: UpsertSteps,
): Promise<WrittenVersion> {
  const { info, resource, user } = context
  const authorize = async (): Promise<void> =>
    requireAuthorization(authorizers, { ...info, verb: 'create', user, isResource: true }, resource)
  for (let race = 1; ; race++) {
    try {
      return { version: await update(), created: false }
    } catch (error) {
      if (create === undefined || !isMissing(error, context)) throw error
    }
    try {
      return { version: await create(authorize), created: true }
    } catch (error) {
      if (!isAlreadyExists(error) || race === RACES_MAX) throw error
    }
  }
}

/** Something else that a write needs may be missing, too. */
const isMissing = (error: unknown, { info, resource }: RequestContext): boolean =>
  isNotFound(error) &&
  error instanceof StatusError &&
  error.status.details?.name === info.name &&
  error.status.details.kind === resource.names.plural
