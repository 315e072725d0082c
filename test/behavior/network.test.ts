import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import {
  type EndpointSlice,
  endpointSlices,
  endpoints,
  type Ingress,
  ingressClasses,
  ingresses,
  ipAddresses,
  type Service,
  type ServiceCIDR,
  serviceCIDRs,
  services,
} from '#api'
import { behaviors } from './behavior.ts'
import { isDiscovered, retried, statusIsApart, supportsOperations } from './operations.ts'
import { observe, refusal, until, untilList } from './waiting.ts'

const service = (namespace: string, name: string, labels = {}, spec: Service['spec'] = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace, labels },
  spec: { ports: [{ name: 'http', port: 80, targetPort: 80, protocol: 'TCP' }], ...spec },
})

const AT = '2024-01-02T03:04:05Z'

const isReady = (range: ServiceCIDR | undefined): boolean =>
  Boolean(range?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'))

behaviors('network', (behavior) => {
  behavior('[sig-network] API Server should provide secure master service [Conformance]', async ({ client }) => {
    const found = await client.get(services, 'default/kubernetes')
    assert.ok(found.spec?.ports?.some(({ name, port, protocol }) => name === 'https' && port === 443 && protocol === 'TCP'))
  })

  behavior(
    '[sig-network] API Server should have Endpoints and EndpointSlices pointing to API Server [Conformance]',
    async ({ client }) => {
      const found = await until(client, endpoints, 'default/kubernetes', (each) => Boolean(each?.subsets?.length))
      const addresses = found!.subsets!.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip))
      const ports = found!.subsets!.flatMap(({ ports: all = [] }) => all.map(({ name, port }) => `${name}:${port}`))
      assert.ok(addresses.length > 0)
      const { items } = await client.list(endpointSlices, {
        namespace: 'default',
        labelSelector: 'kubernetes.io/service-name=kubernetes',
      })
      assert.ok(items.length > 0)
      assert.deepEqual(
        items.flatMap(({ endpoints: each = [] }) => each.flatMap((endpoint) => endpoint.addresses)).sort(),
        addresses.sort(),
      )
      assert.deepEqual(
        [...new Set(items.flatMap((slice) => (slice.ports ?? []).map(({ name, port }) => `${name}:${port}`)))],
        ports,
      )
    },
  )

  behavior('[sig-network] Endpoints should test the lifecycle of an Endpoint [Conformance]', async ({ client, namespace }) => {
    const labels = { 'test-endpoint': namespace }
    const selection = { namespace, labelSelector: `test-endpoint=${namespace}` }
    const key = `${namespace}/testservice`
    const { metadata } = await client.list(endpoints, selection)
    await using events = observe(client, endpoints, { ...selection, resourceVersion: metadata.resourceVersion! })
    const subsets = [{ addresses: [{ ip: '10.0.0.24' }], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] }]
    await client.create(endpoints, { metadata: { name: 'testservice', namespace, labels }, subsets })
    await events.next(({ type }) => type === 'ADDED')
    assert.equal((await client.list(endpoints, { labelSelector: selection.labelSelector })).items.length, 1)
    const current = await client.get(endpoints, key)
    const relabelled = { ...current.metadata, labels: { ...labels, 'test-service': 'updated' } }
    await client.update(endpoints, { ...current, metadata: relabelled })
    await events.next(({ type }) => type === 'MODIFIED')
    const patch = {
      metadata: { labels: { 'test-service': 'patched' } },
      subsets: [{ addresses: [{ ip: '10.0.0.25' }], ports: [{ name: 'http-test', port: 8080, protocol: 'TCP' }] }],
    }
    await client.patch(endpoints, key, patch, { type: 'strategic' })
    await events.next(({ type }) => type === 'MODIFIED')
    const patched = await client.get(endpoints, key)
    assert.deepEqual([patched.subsets, patched.metadata?.labels?.['test-service']], [patch.subsets, 'patched'])
    await client.deleteCollection(endpoints, selection)
    await events.next(({ type }) => type === 'DELETED')
    await refusal(client.get(endpoints, key), 'NotFound')
  })

  behavior(
    '[sig-network] EndpointSliceMirroring should mirror a custom Endpoints resource through create update and delete [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      await isDiscovered(scene, endpointSlices, ['list', 'watch'])
      const name = 'example-custom-endpoints'
      const selection = { namespace, labelSelector: `kubernetes.io/service-name=${name}` }
      const subsets = (ip: string, port: number) => [{ addresses: [{ ip }], ports: [{ name: 'example', port, protocol: 'TCP' }] }]
      const isMirrored = (ip: string, port: number) => (items: readonly EndpointSlice[]) => {
        const [slice] = items
        const seen = slice && [slice.endpoints?.map(({ addresses }) => addresses), slice.ports?.map((each) => each.port)]
        return items.length === 1 && isDeepStrictEqual(seen, [[[ip]], [port]])
      }
      await client.create(services, service(namespace, name, {}, { ports: [{ name: 'example', port: 80, protocol: 'TCP' }] }))
      const made = await client.create(endpoints, { metadata: { name, namespace }, subsets: subsets('10.1.2.3', 80) })
      await untilList(client, endpointSlices, selection, isMirrored('10.1.2.3', 80))
      await client.update(endpoints, { ...made, subsets: subsets('10.2.3.4', 81) })
      await untilList(client, endpointSlices, selection, isMirrored('10.2.3.4', 81))
      await client.delete(endpoints, `${namespace}/${name}`)
      await untilList(client, endpointSlices, selection, (items) => items.length === 0)
    },
  )

  behavior('[sig-network] EndpointSlice should support creating EndpointSlice API operations [Conformance]', async (scene) => {
    await supportsOperations(scene, endpointSlices, {
      make: () => ({
        metadata: { generateName: 'slice-' },
        addressType: 'IPv4',
        endpoints: [{ addresses: ['1.2.3.4', '5.6.7.8'] }],
      }),
      change: (draft) => void (draft.endpoints = [{ addresses: ['1.2.3.5'] }]),
    })
  })

  behavior('[sig-network] Ingress API should support creating Ingress API operations [Conformance]', async (scene) => {
    const backend = (name: string) => ({ service: { name, port: { number: 80 } } })
    await supportsOperations<Ingress>(scene, ingresses, {
      make: () => ({
        metadata: { generateName: 'ingress-' },
        spec: {
          defaultBackend: backend('default-backend'),
          rules: [
            { host: 'foo.bar.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend: backend('test-backend') }] } },
          ],
        },
      }),
      change: (draft) => void (draft.spec!.rules = []),
      status: { loadBalancer: { ingress: [{ ip: '169.1.1.1' }] } },
    })
  })

  behavior('[sig-network] IngressClass API should support creating IngressClass API operations [Conformance]', async (scene) => {
    await supportsOperations(scene, ingressClasses, {
      make: () => ({ metadata: { generateName: 'class-' }, spec: { controller: 'example.com/controller' } }),
    })
  })

  behavior(
    '[sig-network] ServiceCIDR and IPAddress API should support ServiceCIDR API operations [Conformance]',
    async (scene) => {
      const { client, target, namespace } = scene
      await isDiscovered(scene, serviceCIDRs, ['create', 'get', 'list', 'watch', 'update', 'patch', 'delete', 'deletecollection'])
      const ready = await until(client, serviceCIDRs, 'kubernetes', isReady)
      const path = '/apis/networking.k8s.io/v1/servicecidrs/kubernetes/status'
      const { body } = await target.client.request({ method: 'GET', path })
      assert.equal(body.kind, 'bytes')
      const status = JSON.parse(Buffer.from(body.kind === 'bytes' ? body.bytes : []).toString()) as typeof ready
      assert.deepEqual([status?.kind, status?.metadata?.uid], ['ServiceCIDR', ready?.metadata?.uid])
      const { items, metadata } = await client.list(serviceCIDRs)
      assert.ok(items.some(({ metadata: each }) => each?.name === 'kubernetes'))
      await using events = observe(client, serviceCIDRs, { resourceVersion: metadata.resourceVersion! })
      await client.patch(serviceCIDRs, 'kubernetes', { metadata: { annotations: { seen: 'true' } } }, { type: 'merge' })
      await events.next(({ type, object }) => type === 'MODIFIED' && object.metadata?.annotations?.['seen'] === 'true')

      // One more range, of those that are kept for documentation.
      const { metadata: made } = await client.create(serviceCIDRs, {
        metadata: { generateName: 'range-' },
        spec: { cidrs: ['203.0.113.0/24'] },
      })
      const name = made!.name!
      try {
        await events.next(({ type, object }) => type === 'ADDED' && object.metadata?.name === name)
        await until(client, serviceCIDRs, name, (each) => isReady(each) && Boolean(each?.metadata?.finalizers?.length))
        const own = { ...service(namespace, 'own'), spec: { clusterIP: '203.0.113.9', ports: [{ port: 80 }] } }
        assert.equal((await client.create(services, own)).spec?.clusterIP, '203.0.113.9')
        const updated = await retried(async () => {
          const current = await client.get(serviceCIDRs, name)
          const annotations = { ...current.metadata?.annotations, updated: 'true' }
          return client.update(serviceCIDRs, { ...current, metadata: { ...current.metadata, annotations } })
        })
        assert.equal(updated.metadata?.annotations?.['updated'], 'true')
        const condition = {
          type: 'Checked',
          status: 'True' as const,
          reason: 'E2E',
          message: 'by a test',
          lastTransitionTime: AT,
        }
        await statusIsApart(scene, serviceCIDRs, name, { conditions: [...(updated.status?.conditions ?? []), condition] })
        await client.delete(services, `${namespace}/own`)
      } finally {
        await client.delete(serviceCIDRs, name)
      }
    },
  )

  behavior('[sig-network] ServiceCIDR and IPAddress API should support IPAddress API operations [Conformance]', async (scene) => {
    const parentRef = { group: 'mygroup', resource: 'myresources', namespace: 'foo', name: 'bar' }
    await supportsOperations(scene, ipAddresses, {
      make: (index) => ({
        metadata: { name: ['255.255.255.255', 'fe80::42:1dff:fe84:f9e2', '2001:db8::1'][index - 1]! },
        spec: { parentRef },
      }),
    })
  })

  behavior('[sig-network] Services should find a service from listing all namespaces [Conformance]', async ({ client }) => {
    const { items } = await client.list(services)
    assert.ok(items.some(({ metadata }) => metadata?.namespace === 'default' && metadata.name === 'kubernetes'))
  })

  behavior('[sig-network] Services should complete a service status lifecycle [Conformance]', async (scene) => {
    const { client, namespace } = scene
    const labels = { 'test-service': namespace }
    const key = `${namespace}/service`
    const created = await client.create(
      services,
      service(namespace, 'service', labels, { type: 'LoadBalancer', loadBalancerClass: 'example.com/none' }),
    )
    assert.equal((await client.list(services, { labelSelector: `test-service=${namespace}` })).items.length, 1)
    // An update that has no type is not given the mode that balancers' addresses have by default.
    await statusIsApart(scene, services, key, { loadBalancer: { ingress: [{ ip: '203.0.113.1', ipMode: 'VIP' }] } })
    const conditions = [
      {
        type: 'StatusUpdate',
        status: 'True' as const,
        reason: 'E2E',
        message: 'Set from a test',
        lastTransitionTime: AT,
      },
    ]
    const current = await client.get(services, key)
    const updated = await client.updateStatus(services, { ...current, status: { ...current.status, conditions } })
    assert.deepEqual(updated.status?.conditions, conditions)
    assert.deepEqual(
      updated.status?.loadBalancer?.ingress?.map(({ ip }) => ip),
      ['203.0.113.1'],
    )
    const patch = { metadata: { labels: { 'test-service': 'patched' } } }
    await client.patch(services, key, patch, { type: 'strategic' })
    assert.equal((await client.get(services, key)).metadata?.labels?.['test-service'], 'patched')
    await client.delete(services, key)
    await until(client, services, key, (each) => each === undefined)
    assert.ok(created.spec?.clusterIP)
  })

  behavior('[sig-network] Services should delete a collection of services [Conformance]', async ({ client, namespace }) => {
    const labels = { e2e_service: namespace }
    await client.create(services, service(namespace, 'plain', labels))
    await client.create(services, service(namespace, 'ports', labels, { type: 'NodePort' }))
    await client.create(
      services,
      service(namespace, 'elsewhere', {}, { type: 'ExternalName', externalName: 'example.com', ports: [] }),
    )
    assert.equal((await client.list(services, { namespace })).items.length, 3)
    await client.deleteCollection(services, { namespace, labelSelector: `e2e_service=${namespace}` })
    assert.deepEqual(
      (await client.list(services, { namespace })).items.map(({ metadata }) => metadata?.name),
      ['elsewhere'],
    )
  })

  behavior(
    '[sig-network] EndpointsController should create and delete Endpoints for a Service with a selector that matches no pods [Conformance]',
    async ({ client, namespace }) => {
      await client.create(services, service(namespace, 'empty', {}, { selector: { does: 'not-match' } }))
      await until(client, endpoints, `${namespace}/empty`, (each) => each !== undefined)
      await client.delete(services, `${namespace}/empty`)
      await until(client, endpoints, `${namespace}/empty`, (each) => each === undefined)
    },
  )

  behavior(
    '[sig-network] EndpointSlice should create and delete EndpointSlices for a Service with a selector that matches no pods [Conformance]',
    async ({ client, namespace }) => {
      await client.create(services, service(namespace, 'empty', {}, { selector: { does: 'not-match' } }))
      const selection = { namespace, labelSelector: 'kubernetes.io/service-name=empty' }
      const [slice] = await untilList(client, endpointSlices, selection, (items) => items.length === 1)
      assert.deepEqual(
        [
          slice?.metadata?.labels?.['endpointslice.kubernetes.io/managed-by'],
          slice?.metadata?.ownerReferences?.map(({ kind }) => kind),
        ],
        ['endpointslice-controller.k8s.io', ['Service']],
      )
      await client.delete(services, `${namespace}/empty`)
      await untilList(client, endpointSlices, selection, (items) => items.length === 0)
    },
  )
})
