import {
  CLUSTER_INFO,
  CLUSTER_INFO_KUBECONFIG,
  clusterRoleBindings,
  clusterRoles,
  configMaps,
  endpointSlices,
  type PolicyRule,
  type ResourceDefinition,
  roleBindings,
  roles,
  type Subject,
} from '#api'
import { type Client, type Kubeconfig, printKubeconfig } from '#client'
import { apiVersionOf, type KubernetesObject, keyOf, parseYaml } from '#meta'
import { JOINERS } from './token.ts'

/** What a node must know of its cluster beyond whom to trust; kept in a ConfigMap that nodes may read, as kubeadm keeps `kubelet-config`. */
export interface NodeSettings {
  /** Tells bridges, tables and control groups of clusters apart. */
  readonly clusterId: string
  readonly clusterCIDR: string
  readonly clusterDNS: string
  readonly clusterDomain: string
  /** PEM; authority of the clients that may use the kubelet's API. */
  readonly clientCA: string
}

export const NODE_SETTINGS = { namespace: 'kube-system', name: 't8s-node-config', key: 'node.json' } as const

const GROUP = 'rbac.authorization.k8s.io'
const MANAGER = 't8s'

/**
 * Makes the cluster one that nodes can join: the public `cluster-info`, the settings of nodes, and who may do what on the way, under kubeadm's names
 * (https://kubernetes.io/docs/reference/setup-tools/kubeadm/implementation-details/#configure-tls-bootstrapping-for-node-joining). Idempotent.
 */
export async function publishJoining(
  client: Client,
  { server, ca, settings }: { readonly server: string; readonly ca: string; readonly settings: NodeSettings },
): Promise<void> {
  const apply = <T extends KubernetesObject>(resource: ResourceDefinition<T>, object: object): Promise<unknown> => {
    const whole = {
      apiVersion: apiVersionOf(resource as unknown as ResourceDefinition<never>),
      kind: resource.kind,
      ...object,
    } as T
    return client.patch(resource, keyOf(whole), whole, { type: 'apply', fieldManager: MANAGER, force: true })
  }
  const kubeconfig = await printKubeconfig({
    clusters: [{ name: '', cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
  })
  const { namespace, name, key } = NODE_SETTINGS
  const isKept = await namesLivingServer(client, ca)
  await Promise.all([
    ...(isKept ? [] : [apply(configMaps, { metadata: CLUSTER_INFO, data: { [CLUSTER_INFO_KUBECONFIG]: kubeconfig } })]),
    apply(configMaps, { metadata: { namespace, name }, data: { [key]: JSON.stringify(settings) } }),
    ...grants().flatMap((grant) => {
      const { namespace: inNamespace, rules, subjects } = grant
      const metadata = { name: grant.name, ...(inNamespace !== undefined && { namespace: inNamespace }) }
      const [role, binding] = inNamespace === undefined ? [clusterRoles, clusterRoleBindings] : ([roles, roleBindings] as const)
      const roleRef = { apiGroup: GROUP, kind: role.kind, name: grant.role ?? grant.name }
      return [
        ...(rules === undefined ? [] : [apply(role as ResourceDefinition<KubernetesObject>, { metadata, rules })]),
        apply(binding as ResourceDefinition<KubernetesObject>, { metadata, roleRef, subjects }),
      ]
    }),
  ])
}

/**
 * Whether `cluster-info` names a server that lives, this one or another. Then it stays as it is: who joins reads it twice and takes a change for somebody in between, and every start of a
 * server would be one.
 */
async function namesLivingServer(client: Client, ca: string): Promise<boolean> {
  const info = await client.find(configMaps, `${CLUSTER_INFO.namespace}/${CLUSTER_INFO.name}`)
  const text = info?.data?.[CLUSTER_INFO_KUBECONFIG]
  if (text === undefined) return false
  const { clusters } = (await parseYaml(text)) as Kubeconfig
  const cluster = clusters?.[0]?.cluster
  if (cluster?.['certificate-authority-data'] !== Buffer.from(ca).toString('base64') || !URL.canParse(cluster.server))
    return false
  const { hostname, port } = new URL(cluster.server)
  const slice = await client.find(endpointSlices, 'default/kubernetes')
  const addresses = slice?.endpoints?.flatMap((endpoint) => endpoint.addresses) ?? []
  return addresses.includes(hostname.replace(/^\[|\]$/g, '')) && slice?.ports?.[0]?.port === Number(port || 443)
}

interface Grant {
  readonly name: string
  /** A role of another name that exists already. */
  readonly role?: string
  readonly namespace?: string
  readonly rules?: readonly PolicyRule[]
  readonly subjects: readonly Subject[]
}

function grants(): Grant[] {
  const subject = (kind: 'User' | 'Group', name: string): Subject => ({ apiGroup: GROUP, kind, name })
  const joiners = [subject('Group', JOINERS)]
  const nodes = [subject('Group', 'system:nodes')]
  const get = (resource: string, resourceName?: string): PolicyRule => ({
    apiGroups: [''],
    resources: [resource],
    ...(resourceName !== undefined && { resourceNames: [resourceName] }),
    verbs: ['get'],
  })
  const requests = 'system:certificates.k8s.io:certificatesigningrequests'
  return [
    {
      name: 'kubeadm:bootstrap-signer-clusterinfo',
      namespace: CLUSTER_INFO.namespace,
      rules: [get('configmaps', CLUSTER_INFO.name)],
      subjects: [subject('User', 'system:anonymous')],
    },
    { name: 'kubeadm:kubelet-bootstrap', role: 'system:node-bootstrapper', subjects: joiners },
    { name: 'kubeadm:node-autoapprove-bootstrap', role: `${requests}:nodeclient`, subjects: joiners },
    { name: 'kubeadm:node-autoapprove-certificate-rotation', role: `${requests}:selfnodeclient`, subjects: nodes },
    { name: 'kubeadm:get-nodes', rules: [get('nodes')], subjects: joiners },
    {
      name: 't8s:node-certificate-approver',
      rules: [
        {
          apiGroups: ['certificates.k8s.io'],
          resources: ['signers'],
          resourceNames: ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client'],
          verbs: ['approve'],
        },
        { apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests/approval'], verbs: ['update'] },
      ],
      subjects: [{ kind: 'ServiceAccount', name: 'node-certificate-approver', namespace: 'kube-system' }],
    },
    {
      name: 't8s:node-config',
      namespace: NODE_SETTINGS.namespace,
      rules: [get('configmaps', NODE_SETTINGS.name)],
      subjects: [...joiners, ...nodes],
    },
  ]
}
