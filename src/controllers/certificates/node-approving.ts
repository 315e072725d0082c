import {
  type CertificateSigningRequest,
  certificateSigningRequests,
  KUBELET_SERVING,
  kubeletServing,
  NODE_USER_PREFIX,
  NODES_GROUP,
  type Node,
  nodes,
} from '#api'
import { defineController, done, watch } from '../framework/index.ts'
import { isDecided, withCondition } from './conditions.ts'
import { type ParsedRequest, parseRequest } from './request.ts'
import { API_SERVER_CLIENT } from './signers.ts'

/** Identities of what runs beside a kubelet, which its node asks for. Their rights are those of their roles and no more. */
const COMPANIONS: ReadonlySet<string> = new Set(['system:kube-proxy', 'system:serviceaccount:kube-system:coredns'])
/** A node that was removed loses them within a day. */
const COMPANION_SECONDS_MAX = 24 * 3600

const LOOPBACK = new Set(['localhost', '127.0.0.1', '::1'])

/**
 * Approves what upstream leaves to others. Serving certificates of kubelets: asked for by the node itself, for its own name and the addresses that its Node object
 * reports, none of which any other node reports. Client certificates of proxy and DNS on a node: asked for by a node that exists, for a day at most.
 * Whatever does not fit is left for an administrator.
 */
export const nodeCertificateApproving = defineController({
  name: 'node-certificate-approver',
  flag: 't8s-node-certificate-approving-controller',
  isOnByDefault: false,
  for: certificateSigningRequests,
  watches: [
    // A kubelet may ask before its addresses are known here.
    watch(nodes, ({ metadata }, { cache }) =>
      cache(certificateSigningRequests)
        .list()
        .filter((request) => !isDecided(request) && request.spec?.username === `${NODE_USER_PREFIX}${metadata?.name}`)
        .map((request) => request.metadata?.name ?? ''),
    ),
  ],
  workers: 1,
  async reconcile({ key, cache, client, clock, log }) {
    const request = cache(certificateSigningRequests).get(key)
    if (request === undefined || request.status?.certificate || isDecided(request)) return done
    const judge = JUDGES[request.spec?.signerName ?? '']
    if (judge === undefined || !isOfNode(request)) return done
    const all = cache(nodes).list()
    const node = all.find(({ metadata }) => `${NODE_USER_PREFIX}${metadata?.name}` === request.spec?.username)
    if (node === undefined) return done
    const problem = judge(request, await parseRequest(request), node, all)
    if (problem !== undefined) {
      log.debug('A request of a node was not approved', { request: key, problem })
      return done
    }
    const message = 'Auto approving a certificate that fits the node that asked for it.'
    const approved = withCondition(request, clock.now(), { type: 'Approved', reason: 'AutoApproved', message })
    await client.update(certificateSigningRequests, approved, { subresource: 'approval' })
    return done
  },
})

type Judge = (request: CertificateSigningRequest, parsed: ParsedRequest, node: Node, all: readonly Node[]) => string | undefined

const JUDGES: Readonly<Record<string, Judge>> = { [KUBELET_SERVING]: serving, [API_SERVER_CLIENT]: companion }

const isOfNode = ({ spec }: CertificateSigningRequest): boolean =>
  (spec?.username?.startsWith(NODE_USER_PREFIX) && spec.groups?.includes(NODES_GROUP)) ?? false

function serving(
  { spec }: CertificateSigningRequest,
  parsed: ParsedRequest,
  node: Node,
  all: readonly Node[],
): string | undefined {
  if (parsed.commonName !== spec?.username) return 'it is for another node'
  const malformed = kubeletServing(parsed, spec.usages ?? [])
  if (malformed !== undefined) return malformed
  const own = addressesOf(node)
  const others = new Set(all.filter((each) => each !== node).flatMap((each) => [...addressesOf(each)]))
  const strange = [...parsed.dnsNames, ...parsed.ipAddresses].find(
    (name) => !LOOPBACK.has(name) && (!own.has(name) || others.has(name)),
  )
  return strange === undefined ? undefined : `${strange} is no address of the node alone`
}

const addressesOf = ({ metadata, status }: Node): Set<string> =>
  new Set([metadata?.name ?? '', ...(status?.addresses ?? []).map(({ address }) => address)])

function companion({ spec }: CertificateSigningRequest, parsed: ParsedRequest): string | undefined {
  if (!COMPANIONS.has(parsed.commonName)) return `${parsed.commonName} does not run on nodes`
  if (parsed.organizations.length > 0) return 'it asks for groups'
  if ([...parsed.dnsNames, ...parsed.ipAddresses, ...parsed.emailAddresses, ...parsed.uris].length > 0) return 'it asks for names'
  if ((spec?.expirationSeconds ?? Number.POSITIVE_INFINITY) > COMPANION_SECONDS_MAX) return 'it asks for more than a day'
  const strange = spec?.usages?.find((usage) => !['digital signature', 'key encipherment', 'client auth'].includes(usage))
  return strange === undefined ? undefined : `it is for ${strange}`
}
