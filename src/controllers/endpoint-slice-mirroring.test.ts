import assert from 'node:assert/strict'
import test from 'node:test'
import { type EndpointSlice, type Endpoints, endpointSlices, endpoints, events, type Service, services } from '#api'
import { startTestCluster, type TestCluster, TRANSPORTS } from '#testing'

const MIRROR = 'endpointslice.kubernetes.io/managed-by=endpointslicemirroring-controller.k8s.io'

const service = (spec: NonNullable<Service['spec']> = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'own', namespace: 'default' },
  spec: { ports: [{ port: 80 }], ...spec },
})

const ips = (...addresses: string[]) => addresses.map((ip) => ({ ip }))
const PORTS = [{ name: 'http', port: 8080, protocol: 'TCP' }]

const byHand = (subsets: Endpoints['subsets'], metadata: Endpoints['metadata'] = {}): Endpoints => ({
  apiVersion: 'v1',
  kind: 'Endpoints',
  metadata: { name: 'own', namespace: 'default', ...metadata },
  subsets: subsets!,
})

async function mirrors({ client, clock }: TestCluster): Promise<EndpointSlice[]> {
  await clock.advance(1_000)
  return [...(await client.list(endpointSlices, { namespace: 'default', labelSelector: MIRROR })).items]
}

const addressesOf = ({ endpoints: all }: EndpointSlice): unknown[] =>
  (all ?? []).map(({ addresses, conditions }) => [addresses[0], conditions?.ready])

for (const transport of Object.keys(TRANSPORTS)) {
  const behaviour = (name: string, body: (cluster: TestCluster) => Promise<void>): void => {
    test(`${transport}: ${name}`, async () => {
      await using cluster = await startTestCluster({ transport })
      await body(cluster)
    })
  }

  behaviour('Endpoints written by hand are copied into slices that follow them and go with them', async (cluster) => {
    const { client } = cluster
    await client.create(services, service())
    const target = { kind: 'Pod', name: 'p', namespace: 'default', uid: 'u' }
    const subsets = [
      {
        addresses: [{ ip: '10.0.0.1', hostname: 'one', nodeName: 'node-1', targetRef: target }, { ip: 'fd00::1' }],
        notReadyAddresses: ips('10.0.0.2'),
        ports: [...PORTS, { name: 'tls', port: 443, protocol: 'TCP', appProtocol: 'https' }],
      },
    ]
    const annotations = { mine: 'yes', 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z' }
    const made = await client.create(endpoints, byHand(subsets, { labels: { tier: 'db' }, annotations }))
    const [v4, v6, ...others] = (await mirrors(cluster)).sort((a, b) => a.addressType.localeCompare(b.addressType))
    assert.deepEqual(others, [])
    assert.deepEqual([v4?.addressType, v6?.addressType], ['IPv4', 'IPv6'])
    assert.deepEqual(v4?.endpoints, [
      { addresses: ['10.0.0.1'], conditions: { ready: true }, hostname: 'one', nodeName: 'node-1', targetRef: target },
      { addresses: ['10.0.0.2'], conditions: { ready: false } },
    ])
    assert.deepEqual(
      v4?.ports?.map(({ name, port, appProtocol }) => [name, port, appProtocol]),
      [
        ['http', 8080, undefined],
        ['tls', 443, 'https'],
      ],
    )
    assert.deepEqual(v6 && addressesOf(v6), [['fd00::1', true]])
    assert.match(v4?.metadata?.name ?? '', /^own-/)
    assert.deepEqual(v4?.metadata?.labels, {
      tier: 'db',
      'kubernetes.io/service-name': 'own',
      'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
    })
    assert.deepEqual(v4?.metadata?.annotations, { mine: 'yes' })
    const [owner] = v4?.metadata?.ownerReferences ?? []
    assert.deepEqual([owner?.kind, owner?.uid, owner?.controller], ['Endpoints', made.metadata?.uid, true])

    // Other ports are another slice's matter, but the slice that is there is used again.
    await client.update(endpoints, { ...made, subsets: [{ addresses: ips('10.0.0.3'), ports: PORTS }] })
    const [changed, ...left] = await mirrors(cluster)
    assert.deepEqual([changed?.metadata?.uid, left], [v4?.metadata?.uid, []])
    assert.deepEqual(changed && addressesOf(changed), [['10.0.0.3', true]])

    await client.delete(endpoints, 'default/own')
    assert.deepEqual(await mirrors(cluster), [])
  })

  behaviour('a slice that somebody changes or deletes is put right', async (cluster) => {
    const { client } = cluster
    await client.create(services, service())
    await client.create(endpoints, byHand([{ addresses: ips('10.0.0.1'), ports: PORTS }]))
    const [slice] = await mirrors(cluster)
    await client.update(endpointSlices, { ...slice!, endpoints: [] })
    assert.deepEqual((await mirrors(cluster)).map(addressesOf), [[['10.0.0.1', true]]])
    await client.delete(endpointSlices, `default/${slice?.metadata?.name}`)
    assert.deepEqual((await mirrors(cluster)).map(addressesOf), [[['10.0.0.1', true]]])
  })

  behaviour(
    'nothing is mirrored for a Service with a selector, without a Service, or where the Endpoints say so',
    async (cluster) => {
      const { client } = cluster
      const subsets = [{ addresses: ips('10.0.0.1'), ports: PORTS }]
      await client.create(endpoints, byHand(subsets))
      assert.deepEqual(await mirrors(cluster), [])
      const made = await client.create(services, service())
      assert.equal((await mirrors(cluster)).length, 1)
      const selecting = await client.update(services, { ...made, spec: { ...made.spec, selector: { app: 'web' } } })
      assert.deepEqual(await mirrors(cluster), [])
      // The endpoints controller wrote them meanwhile.
      const { selector: _, ...spec } = selecting.spec!
      await client.update(services, { ...selecting, spec })
      await client.delete(endpoints, 'default/own')
      const skipped = byHand(subsets, { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } })
      await client.create(endpoints, skipped)
      assert.deepEqual(await mirrors(cluster), [])
      await client.patch(endpoints, 'default/own', { metadata: { labels: null } }, { type: 'merge' })
      assert.equal((await mirrors(cluster)).length, 1)
      const lock = { metadata: { annotations: { 'control-plane.alpha.kubernetes.io/leader': '{}' } } }
      await client.patch(endpoints, 'default/own', lock, { type: 'merge' })
      assert.deepEqual(await mirrors(cluster), [])
    },
  )

  behaviour('a thousand addresses of a subset are mirrored, and an event tells of the others', async (cluster) => {
    const { client } = cluster
    await client.create(services, service())
    const many = ips(...Array.from({ length: 1_003 }, (_, at) => `10.1.${Math.floor(at / 250)}.${at % 250}`))
    await client.create(
      endpoints,
      byHand([
        { addresses: many, ports: PORTS },
        { addresses: ips('10.2.0.1'), ports: PORTS },
      ]),
    )
    const sizes = (await mirrors(cluster)).map(({ endpoints: all }) => all?.length)
    assert.deepEqual(sizes.sort(), [1, 1000])
    const told = (await client.list(events, { namespace: 'default', fieldSelector: 'reason=TooManyAddressesToMirror' })).items
    assert.deepEqual(
      told.map(({ message }) => message),
      ['A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. 3 addresses were skipped'],
    )
  })
}
