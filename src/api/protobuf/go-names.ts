/**
 * What upstream's decoders call a field: the name in Go, not that in JSON. Checked against the structs of k8s.io/api, apimachinery and apiextensions-apiserver 0.36.4
 * (`test/upstream/encodings.test.ts`).
 */
export function goNameOf(message: string, field: string): string {
  const own = message.slice(message.lastIndexOf('.') + 1)
  if (field === 'metadata') return own.endsWith('List') || own === 'Status' ? 'ListMeta' : 'ObjectMeta'
  return IN_MESSAGES[`${own}.${field}`] ?? (own === 'DeviceAttribute' ? ofAttribute(field) : (NAMES[field] ?? spelled(field)))
}

function spelled(field: string): string {
  const extension = /^x-kubernetes-(.+)$/.exec(field)?.[1]
  if (extension !== undefined) return `X${extension.split('-').map(capitalised).join('')}`
  const initials = INITIALS.exec(field)?.[0]
  return initials === undefined ? capitalised(field) : initials.toUpperCase() + field.slice(initials.length)
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

const ofAttribute = (field: string): string =>
  field.endsWith('s') ? `${capitalised(field.slice(0, -1))}Values` : `${capitalised(field)}Value`

/** Words that Go writes in capitals where a name begins with them. */
const INITIALS =
  /^(api|aws|ca|cel|cidr|csi|dns|fc|fs|gce|gid|gmsa|grpc|http|id|ip|iqn|iscsi|json|nfs|os|pd|pkix|qos|rbd|ssl|tcp|tls|ttl|tty|uid|url)(?=[A-Z]|s?$)/

const NAMES: Readonly<Record<string, string>> = {
  $ref: 'Ref',
  $schema: 'Schema',
  cephfs: 'CephFS',
  chapAuthDiscovery: 'DiscoveryCHAPAuth',
  chapAuthSession: 'SessionCHAPAuth',
  diskURI: 'DataDiskURI',
  externalID: 'DoNotUseExternalID',
  pdID: 'PdID',
  lastState: 'LastTerminationState',
  reportingComponent: 'ReportingController',
  seLinuxChangePolicy: 'SELinuxChangePolicy',
  seLinuxMount: 'SELinuxMount',
  seLinuxOptions: 'SELinuxOptions',
  storageos: 'StorageOS',
  wwids: 'WWIDs',
}

const IN_MESSAGES: Readonly<Record<string, string>> = {
  'APIResourceList.resources': 'APIResources',
  'GlusterfsPersistentVolumeSource.endpoints': 'EndpointsName',
  'GlusterfsVolumeSource.endpoints': 'EndpointsName',
  'PodSpec.serviceAccount': 'DeprecatedServiceAccount',
  'Probe.handler': 'ProbeHandler',
  'Quantity.string': 'String_',
  'RBDPersistentVolumeSource.image': 'RBDImage',
  'RBDPersistentVolumeSource.monitors': 'CephMonitors',
  'RBDPersistentVolumeSource.pool': 'RBDPool',
  'RBDPersistentVolumeSource.user': 'RadosUser',
  'RBDVolumeSource.image': 'RBDImage',
  'RBDVolumeSource.monitors': 'CephMonitors',
  'RBDVolumeSource.pool': 'RBDPool',
  'RBDVolumeSource.user': 'RadosUser',
  'StatusCause.reason': 'Type',
  'SubjectAccessReviewSpec.group': 'Groups',
}
