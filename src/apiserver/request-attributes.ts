import type { UserInfo } from '#client'
import { type AuthorizationAttributes, selectorsOf } from './authorization/index.ts'
import type { RequestInfo } from './request-info.ts'

/** What a request of `user` would do, as authorizers are asked about it. */
export function attributesOf(info: RequestInfo, user: UserInfo, query: URLSearchParams | undefined): AuthorizationAttributes {
  if (info.kind === 'path') return { user, verb: info.verb, isResource: false, path: info.path }
  const { verb, group, version, resource, subresource, namespace, name } = info
  const selectors = selectorsOf(verb, query)
  return { user, verb, isResource: true, group, version, resource, subresource, namespace, name, ...selectors }
}
