import type { ApiServer } from '#apiserver'
import type { Peer, UserInfo } from '#client'
import type { Status } from '#meta'

const REVIEW = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }

/** Whom the server takes a request with these headers for; the status code of its refusal otherwise. The request comes from the network. */
export async function whoAmI(
  { server }: { readonly server: Pick<ApiServer, 'handle'> },
  headers: Readonly<Record<string, string>>,
  peer: Partial<Extract<Peer, { kind: 'tls' }>> = {},
): Promise<UserInfo | number> {
  const { status, body } = await server.handle(
    {
      method: 'POST',
      path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      headers: { ...headers, 'content-type': 'application/json' },
      body: { kind: 'object', object: REVIEW },
    },
    { kind: 'tls', address: '192.0.2.1', ...peer },
  )
  if (body.kind !== 'object') throw new Error(`a review was answered with ${body.kind}`)
  return status === 201 ? (body.object as { status: { userInfo: UserInfo } }).status.userInfo : (body.object as Status).code
}

export const bearer = (token: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${token}` })
