import assert from 'node:assert/strict'
import test from 'node:test'
import { allResources, type ResourceDefinition } from '#api'
import { storageKey } from './storage-keys.ts'

/**
 * Where upstream keeps each kind, as its own test of every stored kind expects it (kubernetes test/integration/etcd/data.go, paths only): `/registry/` goes before, `NS` is the object's namespace.
 */
const UPSTREAM: readonly string[] = `
  configmaps/NS, services/specs/NS, podtemplates/NS, pods/NS, services/endpoints/NS, resourcequotas/NS, limitranges/NS, namespaces, minions,
  persistentvolumes, events/NS, persistentvolumeclaims/NS, serviceaccounts/NS, secrets/NS, controllers/NS, daemonsets/NS, deployments/NS, statefulsets/NS,
  replicasets/NS, controllerrevisions/NS, horizontalpodautoscalers/NS, jobs/NS, cronjobs/NS, certificatesigningrequests, leases/NS, endpointslices/NS,
  ingress/NS, ingressclasses, networkpolicies/NS, ipaddresses, servicecidrs, poddisruptionbudgets/NS, flowschemas, prioritylevelconfigurations,
  volumeattachments, volumeattributesclasses, storageclasses, csistoragecapacities/NS, csidrivers, csinodes, roles/NS, clusterroles, rolebindings/NS,
  clusterrolebindings, validatingwebhookconfigurations, mutatingwebhookconfigurations, validatingadmissionpolicies, validatingadmissionpolicybindings,
  mutatingadmissionpolicies, mutatingadmissionpolicybindings, priorityclasses, runtimeclasses, deviceclasses, resourceclaims/NS, resourceclaimtemplates/NS,
  resourceslices, apiregistration.k8s.io/apiservices, apiextensions.k8s.io/customresourcedefinitions`
  .split(',')
  .map((path) => path.trim())

const isStored = ({ verbs }: ResourceDefinition): boolean => verbs.includes('watch')

test('every kind that is stored has the key that upstream gives it, and upstream has no other', (context) => {
  const stored = allResources.filter(isStored)
  const own = new Set(
    stored.map((resource) => {
      const key = storageKey(resource, 'NS', 'NAME')
      assert.match(key, /^\/registry\/.*\/NAME$/)
      return key.slice('/registry/'.length, -'/NAME'.length)
    }),
  )
  assert.deepEqual([...own].sort(), [...UPSTREAM].sort())
  context.diagnostic(`${stored.length} kinds and versions in ${own.size} places`)
})
