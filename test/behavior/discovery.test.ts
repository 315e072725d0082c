import assert from 'node:assert/strict'
import { behaviors } from './behavior.ts'
import { defining, groupOf } from './custom.ts'
import { read, send } from './raw.ts'
import type { Target } from './target.ts'
import { untilAnswer } from './waiting.ts'

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
const DISCOVERY = 'apidiscovery.k8s.io/v2'

/** A kind of every group that any cluster serves. */
const SERVED = [
  'v1 namespaces',
  'admissionregistration.k8s.io/v1 validatingwebhookconfigurations',
  'apiextensions.k8s.io/v1 customresourcedefinitions',
  'apiregistration.k8s.io/v1 apiservices',
  'apps/v1 deployments',
  'authentication.k8s.io/v1 tokenreviews',
  'authorization.k8s.io/v1 selfsubjectaccessreviews',
  'autoscaling/v1 horizontalpodautoscalers',
  'autoscaling/v2 horizontalpodautoscalers',
  'batch/v1 jobs',
  'certificates.k8s.io/v1 certificatesigningrequests',
  'coordination.k8s.io/v1 leases',
  'discovery.k8s.io/v1 endpointslices',
  'events.k8s.io/v1 events',
  'networking.k8s.io/v1 ingresses',
  'node.k8s.io/v1 runtimeclasses',
  'policy/v1 poddisruptionbudgets',
  'scheduling.k8s.io/v1 priorityclasses',
  'storage.k8s.io/v1 csinodes',
]

interface GroupDiscoveryList {
  readonly apiVersion: string
  readonly kind: string
  readonly items: readonly {
    readonly metadata: { readonly name?: string }
    readonly versions: readonly { readonly version: string; readonly resources: readonly { readonly resource: string }[] }[]
  }[]
}

interface GroupList {
  readonly groups: readonly Group[]
}

interface Group {
  readonly name: string
  readonly versions: readonly { readonly groupVersion: string; readonly version: string }[]
  readonly preferredVersion: { readonly groupVersion: string; readonly version: string }
}

/** `group/version resource` of everything in both aggregated documents. */
async function aggregated(target: Target): Promise<Set<string>> {
  const found = new Set<string>()
  for (const path of ['/api', '/apis']) {
    const list = await read<GroupDiscoveryList>(target, path, AGGREGATED)
    assert.deepEqual([list.apiVersion, list.kind], [DISCOVERY, 'APIGroupDiscoveryList'])
    for (const { metadata, versions } of list.items) {
      for (const { version, resources } of versions) {
        for (const { resource } of resources) found.add(`${metadata.name ? `${metadata.name}/` : ''}${version} ${resource}`)
      }
    }
  }
  return found
}

behaviors('discovery', (behavior) => {
  behavior(
    '[sig-api-machinery] AggregatedDiscovery should support raw aggregated discovery endpoint Accept headers [Conformance]',
    async ({ target }) => {
      const found = await aggregated(target)
      assert.deepEqual(
        SERVED.filter((each) => !found.has(each)),
        [],
      )
    },
  )

  behavior(
    '[sig-api-machinery] AggregatedDiscovery should support aggregated discovery interface [Conformance]',
    async ({ target }) => {
      // A client that asks for both forms takes what it gets, and both must tell the same.
      const either = `${AGGREGATED},application/json`
      const { apiVersion, kind } = await read<GroupDiscoveryList>(target, '/apis', either)
      assert.deepEqual([apiVersion, kind], [DISCOVERY, 'APIGroupDiscoveryList'])
      const found = await aggregated(target)
      const { groups } = await read<GroupList>(target, '/apis')
      for (const { groupVersion } of groups.flatMap(({ versions }) => versions)) {
        const { resources } = await read<{ resources: { name: string }[] }>(target, `/apis/${groupVersion}`)
        for (const { name } of resources.filter((each) => !each.name.includes('/')))
          assert.ok(found.has(`${groupVersion} ${name}`), `${groupVersion} ${name}`)
      }
    },
  )

  behavior(
    '[sig-api-machinery] AggregatedDiscovery should support raw aggregated discovery request for CRDs [Conformance]',
    async (scene) => {
      const resource = `${groupOf(scene)}/v1 widgets`
      const isServed = (found: ReadonlySet<string>): boolean => found.has(resource)
      assert.ok(!isServed(await aggregated(scene.target)))
      await defining(scene, {}, async () => {
        await untilAnswer(() => aggregated(scene.target), isServed)
      })
      await untilAnswer(
        () => aggregated(scene.target),
        (found) => !isServed(found),
      )
    },
  )

  behavior(
    '[sig-api-machinery] AggregatedDiscovery should support aggregated discovery interface for CRDs [Conformance]',
    async (scene) => {
      const either = `${AGGREGATED},application/json`
      const versions = [{ name: 'v1beta1' }, { name: 'v1', storage: true, subresources: { status: {} } }]
      await defining(scene, { scope: 'Namespaced', versions, names: { shortNames: ['wg'], categories: ['all'] } }, async () => {
        const list = await untilAnswer(
          () => read<GroupDiscoveryList>(scene.target, '/apis', either),
          ({ items }) => items.some(({ metadata }) => metadata.name === groupOf(scene)),
        )
        assert.equal(list.kind, 'APIGroupDiscoveryList')
        const group = list.items.find(({ metadata }) => metadata.name === groupOf(scene))!
        // The preferred version leads, and each says all that a client needs to form requests.
        assert.deepEqual(
          group.versions.map(({ version }) => version),
          ['v1', 'v1beta1'],
        )
        const [{ resources }] = group.versions as unknown as [{ readonly resources: readonly { readonly verbs: string[] }[] }]
        const sorted = resources.map((each) => ({ ...each, verbs: each.verbs.toSorted() }))
        assert.partialDeepStrictEqual(sorted, [
          {
            resource: 'widgets',
            responseKind: { group: groupOf(scene), version: 'v1', kind: 'Widget' },
            scope: 'Namespaced',
            singularResource: 'widget',
            shortNames: ['wg'],
            categories: ['all'],
            subresources: [{ subresource: 'status', verbs: ['get', 'patch', 'update'] }],
            verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
          },
        ])
      })
    },
  )

  behavior(
    '[sig-api-machinery] Discovery should locate the groupVersion and a resource within each APIGroup [Conformance]',
    async ({ target }) => {
      const { groups } = await read<GroupList>(target, '/apis')
      for (const served of SERVED.filter((each) => each.includes('/'))) {
        const [groupVersion = '', resource] = served.split(' ')
        const [group] = groupVersion.split('/')
        assert.ok(groups.find(({ name }) => name === group)?.versions.some((each) => each.groupVersion === groupVersion))
        const own = await read<Group>(target, `/apis/${group}`)
        assert.ok(own.versions.some((each) => each.groupVersion === groupVersion))
        const list = await read<{ groupVersion: string; resources: { name: string; kind: string }[] }>(
          target,
          `/apis/${groupVersion}`,
        )
        assert.equal(list.groupVersion, groupVersion)
        assert.ok(
          list.resources.some(({ name }) => name === resource),
          served,
        )
      }
    },
  )

  behavior(
    '[sig-api-machinery] Discovery should validate PreferredVersion for each APIGroup [Conformance]',
    async ({ target }) => {
      const { groups } = await read<GroupList>(target, '/apis')
      assert.ok(groups.length > 0)
      for (const { name } of groups) {
        const group = await read<Group>(target, `/apis/${name}`)
        assert.equal(group.preferredVersion.groupVersion, `${name}/${group.preferredVersion.version}`)
        assert.ok(group.versions.some(({ groupVersion }) => groupVersion === group.preferredVersion.groupVersion))
      }
    },
  )

  behavior('[sig-api-machinery] server version should find the server version [Conformance]', async ({ target }) => {
    const version = await read<Record<string, string>>(target, '/version')
    assert.match(version['major']!, /^\d+$/)
    assert.match(version['minor']!, /^\d+\+?$/)
    assert.match(version['gitVersion']!, new RegExp(`^v${version['major']}\\.${Number.parseInt(version['minor']!, 10)}\\.\\d+`))
    for (const field of ['gitCommit', 'gitTreeState', 'buildDate', 'goVersion', 'compiler', 'platform'])
      assert.equal(typeof version[field], 'string')
  })

  behavior(
    '[sig-api-machinery] Servers with support for Table transformation should return a 406 for a backend which does not implement metadata [Conformance]',
    async ({ target }) => {
      const review = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { nonResourceAttributes: { path: '/', verb: 'GET' } },
      }
      const request = (accept: string) =>
        send(target, {
          method: 'POST',
          path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
          headers: { accept, 'content-type': 'application/json' },
          body: { kind: 'object', object: review },
        })
      const refused = await request('application/json;as=Table;v=v1;g=meta.k8s.io')
      assert.equal(refused.status, 406)
      assert.equal((JSON.parse(refused.text) as { reason: string }).reason, 'NotAcceptable')
      assert.equal((await request('application/json;as=Table;v=v1;g=meta.k8s.io,application/json')).status, 201)
    },
  )
})
