import assert from 'node:assert/strict'
import { deployments, pods, replicationControllers, services } from '#api'
import { behaviors } from './behavior.ts'
import { Home } from './home.ts'
import { until, untilList } from './waiting.ts'

const needs = 'kubectl'

const controller = (replicas: number) => ({
  apiVersion: 'v1',
  kind: 'ReplicationController',
  metadata: { name: 'agnhost-primary', labels: { app: 'agnhost' } },
  spec: {
    replicas,
    selector: { app: 'agnhost' },
    template: {
      metadata: { labels: { app: 'agnhost' } },
      spec: {
        containers: [{ name: 'agnhost-primary', image: 'web:1', ports: [{ name: 'agnhost-server', containerPort: 6379 }] }],
      },
    },
  },
})

behaviors('kubectl objects', (behavior) => {
  behavior(
    '[sig-cli] Kubectl client Kubectl run pod should create a pod from an image when restart is Never [Conformance]',
    async ({ target, client, namespace }) => {
      using home = new Home(target)
      await home.kubectl(
        'run',
        'e2e-test-httpd-pod',
        '--restart=Never',
        '--pod-running-timeout=2m0s',
        '--image=web:1',
        '-n',
        namespace,
      )
      const pod = await client.get(pods, `${namespace}/e2e-test-httpd-pod`)
      assert.deepEqual([pod.spec?.containers[0]?.image, pod.spec?.restartPolicy], ['web:1', 'Never'])
      await home.kubectl('delete', 'pods', 'e2e-test-httpd-pod', '--force', '--grace-period=0', '-n', namespace)
    },
    { needs },
  )

  behavior(
    '[sig-cli] Kubectl client Kubectl label should update the label on a resource [Conformance]',
    async ({ target, client, namespace }) => {
      using home = new Home(target)
      await client.create(pods, {
        metadata: { name: 'pause', namespace },
        spec: { containers: [{ name: 'pause', image: 'pause:3' }] },
      })
      const label = (word: string): Promise<string> => home.kubectl('label', 'pods', 'pause', word, '-n', namespace)
      const shown = (): Promise<string> => home.kubectl('get', 'pod', 'pause', '-L', 'testing-label', '-n', namespace)
      await label('testing-label=testing-label-value')
      assert.match(await shown(), /TESTING-LABEL\n.*testing-label-value/)
      await label('testing-label-')
      assert.doesNotMatch(await shown(), /testing-label-value/)
    },
    { needs },
  )

  behavior(
    "[sig-cli] Kubectl client Kubectl replace should update a single-container pod's image [Conformance]",
    async ({ target, client, namespace }) => {
      using home = new Home(target)
      await home.kubectl('run', 'replaced', '--image=web:1', '--labels=run=replaced', '-n', namespace)
      await until(client, pods, `${namespace}/replaced`, (each) => each?.status?.phase === 'Running')
      const shown = JSON.parse(await home.kubectl('get', 'pod', 'replaced', '-o', 'json', '-n', namespace)) as {
        spec: { containers: { image: string }[] }
      }
      shown.spec.containers[0]!.image = 'busybox:1'
      await home.kubectl('replace', '-f', home.manifest('replaced', shown), '-n', namespace)
      assert.equal((await client.get(pods, `${namespace}/replaced`)).spec?.containers[0]?.image, 'busybox:1')
    },
    { needs },
  )

  behavior(
    '[sig-cli] Kubectl client Kubectl server-side dry-run should check if kubectl can dry-run update Pods [Conformance]',
    async ({ target, client, namespace }) => {
      using home = new Home(target)
      await home.kubectl('run', 'dry', '--image=web:1', '-n', namespace)
      const patch = JSON.stringify({ spec: { containers: [{ name: 'dry', image: 'busybox:1' }] } })
      assert.match(
        await home.kubectl('patch', 'pod', 'dry', '-p', patch, '--dry-run=server', '-n', namespace),
        /pod\/dry patched/,
      )
      assert.equal((await client.get(pods, `${namespace}/dry`)).spec?.containers[0]?.image, 'web:1')
    },
    { needs },
  )

  behavior(
    '[sig-cli] Kubectl client Kubectl diff should check if kubectl diff finds a difference for Deployments [Conformance]',
    async ({ target, namespace }) => {
      using home = new Home(target)
      const deployment = (image: string) => ({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'httpd', labels: { app: 'httpd' } },
        spec: {
          replicas: 1,
          selector: { matchLabels: { app: 'httpd' } },
          template: { metadata: { labels: { app: 'httpd' } }, spec: { containers: [{ name: 'httpd', image }] } },
        },
      })
      await home.kubectl('create', '-f', home.manifest('live', deployment('web:1')), '-n', namespace)
      const printed = await home.refused(1, 'diff', '-f', home.manifest('other', deployment('busybox:1')), '-n', namespace)
      assert.match(printed, /^- +- image: web:1$/m)
      assert.match(printed, /^\+ +- image: busybox:1$/m)
    },
    { needs },
  )

  behavior(
    '[sig-cli] Kubectl client Kubectl patch should add annotations for pods in rc [Conformance]',
    async ({ target, client, namespace }) => {
      using home = new Home(target)
      await home.kubectl('create', '-f', home.manifest('rc', controller(1)), '-n', namespace)
      const [pod] = await untilList(client, pods, { namespace, labelSelector: 'app=agnhost' }, (items) => items.length === 1)
      const name = pod!.metadata!.name!
      await home.kubectl('patch', 'pod', name, '-n', namespace, '-p', '{"metadata":{"annotations":{"x":"y"}}}')
      assert.equal((await client.get(pods, `${namespace}/${name}`)).metadata?.annotations?.['x'], 'y')
    },
    { needs },
  )

  behavior(
    '[sig-cli] Kubectl client Kubectl expose should create services for rc [Conformance]',
    async ({ target, client, namespace }) => {
      using home = new Home(target)
      await home.kubectl('create', '-f', home.manifest('rc', controller(1)), '-n', namespace)
      await home.kubectl('expose', 'rc', 'agnhost-primary', '--name=rm2', '--port=1234', '--target-port=6379', '-n', namespace)
      await home.kubectl('expose', 'service', 'rm2', '--name=rm3', '--port=2345', '--target-port=6379', '-n', namespace)
      for (const [name, port] of [
        ['rm2', 1234],
        ['rm3', 2345],
      ] as const) {
        const { spec } = await client.get(services, `${namespace}/${name}`)
        assert.deepEqual(
          [spec?.selector, spec?.ports?.map((each) => [each.port, each.targetPort])],
          [{ app: 'agnhost' }, [[port, 6379]]],
        )
      }
    },
    { needs },
  )

  behavior(
    '[sig-cli] Kubectl client Kubectl describe should check if kubectl describe prints relevant information for rc and pods [Conformance]',
    async ({ target, client, namespace }) => {
      using home = new Home(target)
      await home.kubectl('create', '-f', home.manifest('rc', controller(1)), '-n', namespace)
      await until(client, replicationControllers, `${namespace}/agnhost-primary`, (each) => each?.status?.readyReplicas === 1)
      const [pod] = (await client.list(pods, { namespace })).items
      const name = pod!.metadata!.name!
      const describe = (...words: string[]): Promise<string> => home.kubectl('describe', ...words, '-n', namespace)
      const ofPod = await describe('pod', name)
      for (const line of [
        /^Name: +agnhost-primary-/m,
        /^Node: +node-/m,
        /^Labels: +app=agnhost/m,
        /^Status: +Running/m,
        /^IP: /m,
        /^Controlled By: +ReplicationController\/agnhost-primary/m,
        /Image: +web:1/,
        /State: +Running/,
      ])
        assert.match(ofPod, line)
      const ofController = await describe('rc', 'agnhost-primary')
      for (const line of [
        /^Selector: +app=agnhost/m,
        /^Replicas: +1 current \/ 1 desired/m,
        /^Pods Status: +1 Running \/ 0 Waiting \/ 0 Succeeded \/ 0 Failed/m,
        /SuccessfulCreate/,
      ])
        assert.match(ofController, line)
      assert.match(await describe('namespace', namespace), /^Status: +Active/m)
      assert.match(await describe('node', pod!.spec!.nodeName!), /^Conditions:/m)
    },
    { needs },
  )

  behavior(
    '[sig-cli] Kubectl client Update Demo should scale a replication controller [Conformance]',
    async ({ target, client, namespace }) => {
      using home = new Home(target)
      await home.kubectl('create', '-f', home.manifest('rc', controller(2)), '-n', namespace)
      const running = (count: number) =>
        untilList(
          client,
          pods,
          { namespace },
          (items) => items.length === count && items.every(({ status }) => status?.phase === 'Running'),
        )
      await running(2)
      for (const replicas of [1, 2]) {
        await home.kubectl('scale', 'rc', 'agnhost-primary', `--replicas=${replicas}`, '--timeout=5m', '-n', namespace)
        await running(replicas)
      }
      assert.equal((await client.list(deployments, { namespace })).items.length, 0)
    },
    { needs },
  )
})
