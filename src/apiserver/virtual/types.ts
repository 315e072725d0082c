import type { ResourceDefinition } from '#api'
import type { TransportResponse } from '#client'
import type { RequestContext } from '../context.ts'
import type { HandlerDependencies } from '../subresources/types.ts'

/** A kind that is answered, never stored. */
export interface VirtualResource {
  readonly resource: ResourceDefinition
  /** Whether it can be printed as a table. */
  readonly hasTable?: boolean
  handle(context: RequestContext, dependencies: HandlerDependencies): Promise<TransportResponse>
}
