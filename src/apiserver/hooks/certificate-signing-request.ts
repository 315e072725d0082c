import { type CertificateSigningRequest, certificateSigningRequests } from '#api'
import type { UserInfo } from '#client'
import { type Hook, nothingToDo } from './types.ts'

/**
 * A request for a certificate says who made it, as the server knows them: signers and approvers decide by that
 * (https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#request-signing-process).
 */
export const certificateSigningRequestHook: Hook<CertificateSigningRequest> = {
  resource: certificateSigningRequests,

  async beginCreate(draft, { user }) {
    const { username: _username, uid: _uid, groups: _groups, extra: _extra, ...asked } = draft.spec ?? {}
    draft.spec = { ...asked, ...requesterOf(user) } as CertificateSigningRequest['spec']
    draft.status = {}
    return nothingToDo
  },

  async beginUpdate(draft, old) {
    // Whatever was sent: the request stands as it was made.
    draft.spec = old.spec
    return nothingToDo
  },

  async afterDelete() {},
}

const requesterOf = ({ username, uid, groups, extra }: UserInfo): object => ({
  username,
  ...(uid && { uid }),
  groups: [...groups],
  ...(extra &&
    Object.keys(extra).length > 0 && { extra: Object.fromEntries(Object.entries(extra).map(([key, all]) => [key, [...all]])) }),
})
