import { compareQuantities } from '#meta'
import type { PersistentVolumeClaim, Service } from '../generated/types.ts'
import type { Amounts } from './amounts.ts'
import { meets, type QuotaEvaluator } from './evaluator.ts'

const OF_CLASS = '.storageclass.storage.k8s.io/'
const CLAIM_NAMES = new Set(['persistentvolumeclaims', 'count/persistentvolumeclaims', 'requests.storage'])
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'

export const claimEvaluator: QuotaEvaluator<PersistentVolumeClaim> = {
  counts: (name) =>
    CLAIM_NAMES.has(name) || name.endsWith(`${OF_CLASS}requests.storage`) || name.endsWith(`${OF_CLASS}persistentvolumeclaims`),
  usage(claim) {
    const usage: Record<string, string> = { 'count/persistentvolumeclaims': '1', persistentvolumeclaims: '1' }
    const storage = storageOf(claim)
    if (storage !== undefined) usage['requests.storage'] = storage
    const className = claim.metadata?.annotations?.[CLASS_ANNOTATION] ?? claim.spec?.storageClassName
    if (className) {
      usage[`${className}${OF_CLASS}persistentvolumeclaims`] = '1'
      if (storage !== undefined) usage[`${className}${OF_CLASS}requests.storage`] = storage
    }
    return usage
  },
  isInScope({ spec, status }, requirement) {
    if (requirement.scopeName !== 'VolumeAttributesClass') return false
    const names = [
      spec?.volumeAttributesClassName,
      status?.currentVolumeAttributesClassName,
      status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
    ].filter(Boolean)
    return names.length === 0 ? meets(requirement, undefined) : names.some((name) => meets(requirement, name))
  },
  chargedOn: ['CREATE', 'UPDATE'],
}

/** What was asked for, or what is being given while a claim shrinks back from a growth that failed. */
function storageOf({ spec, status }: PersistentVolumeClaim): string | undefined {
  const [asked, given] = [spec?.resources?.requests?.['storage'], status?.allocatedResources?.['storage']]
  if (asked === undefined || given === undefined) return asked
  return compareQuantities(given, asked) > 0 ? given : asked
}

const SERVICE_NAMES = new Set(['services', 'count/services', 'services.nodeports', 'services.loadbalancers'])

export const serviceEvaluator: QuotaEvaluator<Service> = {
  counts: (name) => SERVICE_NAMES.has(name),
  usage({ spec }) {
    const ports = spec?.ports ?? []
    const usage: Record<string, string> = {
      'count/services': '1',
      services: '1',
      'services.nodeports': '0',
      'services.loadbalancers': '0',
    }
    if (spec?.type === 'NodePort') usage['services.nodeports'] = String(ports.length)
    if (spec?.type === 'LoadBalancer') {
      const used = spec.allocateLoadBalancerNodePorts === false ? ports.filter(({ nodePort }) => nodePort) : ports
      usage['services.nodeports'] = String(used.length)
      usage['services.loadbalancers'] = '1'
    }
    return usage
  },
  chargedOn: ['CREATE', 'UPDATE'],
}

/** Resources that quotas counted before any could be, under their plain names. */
const LEGACY_COUNTS = new Set(['configmaps', 'secrets', 'replicationcontrollers', 'resourcequotas'])

/** Any other resource: so many objects. */
export function countEvaluator(group: string, plural: string): QuotaEvaluator {
  const names = [`count/${group === '' ? plural : `${plural}.${group}`}`]
  if (group === '' && LEGACY_COUNTS.has(plural)) names.push(plural)
  const usage: Amounts = Object.fromEntries(names.map((name) => [name, '1']))
  return { counts: (name) => names.includes(name), usage: () => usage, chargedOn: ['CREATE'] }
}
