import {
  type CertificateSigningRequest,
  certificateSigningRequests,
  KUBELET_CLIENT,
  kubeletClient,
  type SubjectAccessReview,
  subjectAccessReviews,
} from '#api'
import type { Client } from '#client'
import { defineController, done } from '../framework/index.ts'
import { isDecided, withCondition } from './conditions.ts'
import { type ParsedRequest, parseRequest } from './request.ts'

interface Recognizer {
  readonly part: 'selfnodeclient' | 'nodeclient'
  recognizes(request: CertificateSigningRequest, parsed: ParsedRequest): boolean
  readonly message: string
}

const RECOGNIZERS: readonly Recognizer[] = [
  {
    part: 'selfnodeclient',
    recognizes: ({ spec }, { commonName }) => spec?.username === commonName,
    message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
  },
  {
    part: 'nodeclient',
    recognizes: () => true,
    message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
  },
]

/** Approves client certificates of kubelets whose author may have them so: nodes their own again, joiners any node's. */
export const certificateApproving = defineController({
  name: 'certificate-controller',
  flag: 'certificatesigningrequest-approving-controller',
  for: certificateSigningRequests,
  async reconcile({ key, cache, client, clock }) {
    const request = cache(certificateSigningRequests).get(key)
    if (request === undefined || request.status?.certificate || isDecided(request)) return done
    if (request.spec?.signerName !== KUBELET_CLIENT) return done
    const parsed = await parseRequest(request)
    if (kubeletClient(parsed, request.spec.usages ?? []) !== undefined) return done
    const tried = RECOGNIZERS.filter((each) => each.recognizes(request, parsed))
    for (const { part, message } of tried) {
      if (!(await mayCreate(client, request, part))) continue
      const approved = withCondition(request, clock.now(), { type: 'Approved', reason: 'AutoApproved', message })
      await client.update(certificateSigningRequests, approved, { subresource: 'approval' })
      return done
    }
    // Rights may still be given: it is looked at again, ever more seldom.
    const parts = tried.map(({ part }) => part).join(' ')
    throw new Error(`recognized csr ${JSON.stringify(key)} as [${parts}] but subject access review was not approved`)
  },
})

async function mayCreate(client: Client, { spec }: CertificateSigningRequest, subresource: string): Promise<boolean> {
  const review: SubjectAccessReview = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    metadata: {},
    spec: {
      ...(spec?.username !== undefined && { user: spec.username }),
      ...(spec?.uid !== undefined && { uid: spec.uid }),
      ...(spec?.groups !== undefined && { groups: spec.groups }),
      ...(spec?.extra !== undefined && { extra: spec.extra }),
      resourceAttributes: {
        group: 'certificates.k8s.io',
        resource: 'certificatesigningrequests',
        verb: 'create',
        subresource,
      },
    },
  }
  return (await client.create(subjectAccessReviews, review)).status?.allowed ?? false
}
