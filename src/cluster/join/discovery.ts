import {
  type BootstrapToken,
  CLUSTER_INFO,
  CLUSTER_INFO_KUBECONFIG,
  type ConfigMap,
  configMaps,
  type ResourceDefinition,
  SIGNATURE_PREFIX,
} from '#api'
import type { Clock } from '#base'
import { createClient, type HttpTransportOptions, httpTransport, type Kubeconfig, objectPath } from '#client'
import { isSignedBy } from '#controllers'
import { isForbidden, isNotFound, parseYaml } from '#meta'
import { publicKeyHash } from '../pki.ts'
import { explainConnection } from './explain.ts'

export interface DiscoveryInput {
  /** `https://host:port` */
  readonly server: string
  readonly token: BootstrapToken
  /** `sha256:…` of the authority's public key; without it the token alone vouches for the server. */
  readonly caHash?: string | undefined
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Certificates are dated back by as much; a clock that is further off sees some that are not valid yet. */
const CLOCK_SKEW_MS_MAX = 5 * 60_000

/**
 * Learns which authority to trust from a server that is not trusted yet, as kubeadm's token discovery does: the public `cluster-info` names the authority, its signature
 * shows that who wrote it knows the token, the hash that it is the authority that the administrator meant; and the server must then prove itself by
 * that authority and say the same again. The token is not sent. Throws a sentence.
 */
export async function discoverAuthority(input: DiscoveryInput): Promise<string> {
  const { server, token, caHash } = input
  const seen = await fetchInfo(input, { server, insecureSkipTLSVerify: true })
  const signature = seen.data?.[`${SIGNATURE_PREFIX}${token.id}`]
  const content = seen.data?.[CLUSTER_INFO_KUBECONFIG] ?? ''
  if (signature === undefined)
    throw new Error(
      `${server} knows no token with the id ${token.id}, or it has expired; make a new one there with 't8s token create'`,
    )
  if (!isSignedBy(content, token, signature))
    throw new Error(
      `${server} does not know the secret half of the token ${token.id}; check --token, and that --server is the cluster it was made for`,
    )
  const authority = await authorityIn(content, server)
  if (caHash !== undefined && !authority.certificates.some((each) => publicKeyHash(each) === caHash)) {
    throw new Error(
      `the authority of ${server} is not the one that --ca-cert-hash names; check both, or somebody stands in between (it has ${authority.certificates.map(publicKeyHash).join(', ')})`,
    )
  }
  const confirmed = await fetchInfo(input, { server, ca: authority.pem })
  if (confirmed.data?.[CLUSTER_INFO_KUBECONFIG] !== content)
    throw new Error(`${server} said something else when asked again over a trusted connection; somebody stands in between`)
  return authority.pem
}

async function fetchInfo({ server, clock, signal }: DiscoveryInput, options: HttpTransportOptions): Promise<ConfigMap> {
  await using transport = httpTransport({ ...options, userAgent: 't8s-agent' })
  const { namespace, name } = CLUSTER_INFO
  try {
    const { headers, body } = await createClient(transport).request({
      method: 'GET',
      path: objectPath(configMaps as unknown as ResourceDefinition, `${namespace}/${name}`),
      signal,
    })
    checkClock(headers['date'], server, clock)
    if (body.kind !== 'bytes') throw new Error(`${server} is no Kubernetes API server`)
    return JSON.parse(Buffer.from(body.bytes).toString()) as ConfigMap
  } catch (error) {
    if (isNotFound(error) || isForbidden(error)) {
      throw new Error(
        `${server} publishes no cluster-info, so nothing can join by a token; upgrade it, or check that it is the cluster you mean`,
        { cause: error },
      )
    }
    throw explainConnection(error, server, clock)
  }
}

function checkClock(date: string | undefined, server: string, clock: Clock): void {
  const theirsMs = Date.parse(date ?? '')
  const skewMs = clock.now() - theirsMs
  if (!(Math.abs(skewMs) > CLOCK_SKEW_MS_MAX)) return
  const minutes = Math.round(Math.abs(skewMs) / 60_000)
  throw new Error(
    `this machine's clock is ${minutes} minutes ${skewMs > 0 ? 'ahead of' : 'behind'} that of ${server}, so certificates would not be valid; set the clocks`,
  )
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

async function authorityIn(
  content: string,
  server: string,
): Promise<{ readonly pem: string; readonly certificates: readonly string[] }> {
  const config = (await parseYaml(content)) as Kubeconfig | undefined
  const data = config?.clusters?.[0]?.cluster?.['certificate-authority-data'] ?? ''
  const certificates = Buffer.from(data, 'base64').toString().match(CERTIFICATE) ?? []
  if (certificates.length === 0) throw new Error(`the cluster-info of ${server} names no certificate authority`)
  return { pem: `${certificates.join('\n')}\n`, certificates }
}
