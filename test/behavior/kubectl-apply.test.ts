import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configMaps, deployments } from '#api'
import type { KubernetesObject } from '#meta'
import { behaviors } from './behavior.ts'
import { Home } from './home.ts'

const needs = 'kubectl'

const configMap = (data: Record<string, string>): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings' },
  data,
})

const deployment = (image: string, replicas?: number): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    ...(replicas !== undefined && { replicas }),
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image }] } },
  },
})

const managersOf = ({ metadata }: KubernetesObject): string[] =>
  (metadata?.managedFields ?? []).map(({ manager, operation }) => `${manager} ${operation}`).sort()

behaviors('kubectl apply', (behavior) => {
  behavior(
    'what was applied by the client is taken over by a server-side apply, and still loses what is left out',
    async ({ target, client, namespace }) => {
      using home = new Home(target)
      const apply = (data: Record<string, string>, ...words: string[]): Promise<string> =>
        home.kubectl('apply', '-n', namespace, '-f', home.manifest('settings', configMap(data)), ...words)
      await apply({ a: '1', b: '2' })
      assert.match(await apply({ a: '1', b: '2' }), /configmap\/settings unchanged/)
      assert.match(await apply({ a: '1', c: '3' }), /configmap\/settings configured/)
      assert.deepEqual((await client.get(configMaps, `${namespace}/settings`)).data, { a: '1', c: '3' })
      // The upgrade hands kubectl's fields from its updates to its applies.
      assert.match(await apply({ a: '1', c: '4' }, '--server-side'), /configmap\/settings serverside-applied/)
      const upgraded = await client.get(configMaps, `${namespace}/settings`)
      assert.deepEqual(managersOf(upgraded), ['kubectl Apply', 'kubectl-last-applied Apply'])
      await apply({ c: '4' }, '--server-side')
      assert.deepEqual((await client.get(configMaps, `${namespace}/settings`)).data, { c: '4' })
    },
    { needs },
  )

  behavior(
    'a conflict is told field by field, and force takes the field',
    async ({ target, client, namespace }) => {
      using home = new Home(target)
      const words = ['-n', namespace, '--server-side', '-f']
      await home.kubectl('apply', ...words, home.manifest('web', deployment('web:1', 1)))
      await home.kubectl('scale', 'deployment', 'web', '--replicas=3', '-n', namespace)
      await home.kubectl(
        'patch',
        'deployment',
        'web',
        '-n',
        namespace,
        '--type=merge',
        '-p',
        '{"spec":{"replicas":4}}',
        '--field-manager=other',
      )
      const printed = await home.refused(1, 'apply', ...words, home.manifest('web', deployment('web:2', 1)))
      assert.match(printed, /Apply failed with 1 conflict: conflict with "other".*: \.spec\.replicas/s)
      assert.match(printed, /--force-conflicts/)
      await home.kubectl('apply', ...words, home.manifest('web', deployment('web:2', 1)), '--force-conflicts')
      assert.equal((await client.get(deployments, `${namespace}/web`)).spec?.replicas, 1)
      // Left out, the number stays where somebody else holds it, and goes to its default where nobody does.
      await home.kubectl('apply', ...words, home.manifest('web', deployment('web:3')))
      const { spec } = await client.get(deployments, `${namespace}/web`)
      assert.deepEqual([spec?.replicas, spec?.template?.spec?.containers[0]?.image], [1, 'web:3'])
    },
    { needs },
  )

  behavior(
    'a server-side diff shows what an apply would change, and changes nothing',
    async ({ target, client, namespace }) => {
      using home = new Home(target)
      await home.kubectl('apply', '-n', namespace, '--server-side', '-f', home.manifest('web', deployment('web:1')))
      const { metadata } = await client.get(deployments, `${namespace}/web`)
      const printed = await home.refused(
        1,
        'diff',
        '-n',
        namespace,
        '--server-side',
        '-f',
        home.manifest('web', deployment('web:2')),
      )
      assert.match(printed, /^-.*image: web:1$/m)
      assert.match(printed, /^\+.*image: web:2$/m)
      await home.kubectl('diff', '-n', namespace, '--server-side', '-f', home.manifest('same', deployment('web:1')))
      assert.equal((await client.get(deployments, `${namespace}/web`)).metadata?.generation, metadata?.generation)
    },
    { needs },
  )

  behavior(
    'an edit is a manager of its own',
    async ({ target, client, namespace }) => {
      using home = new Home(target)
      await home.kubectl('create', 'configmap', 'edited', '--from-literal=a=1', '-n', namespace)
      const editor = join(home.directory, 'editor')
      writeFileSync(editor, '#!/bin/sh\nsed -i "s/a: \\"1\\"/a: \\"2\\"/" "$1"\n', { mode: 0o700 })
      home.environment['KUBE_EDITOR'] = editor
      assert.match(await home.kubectl('edit', 'configmap', 'edited', '-n', namespace), /configmap\/edited edited/)
      const edited = await client.get(configMaps, `${namespace}/edited`)
      assert.deepEqual(edited.data, { a: '2' })
      assert.deepEqual(managersOf(edited), ['kubectl-create Update', 'kubectl-edit Update'])
      const shown = await home.kubectl('get', 'configmap', 'edited', '-o', 'yaml', '--show-managed-fields', '-n', namespace)
      assert.match(shown, /manager: kubectl-edit\n/)
    },
    { needs },
  )

  behavior(
    'unknown fields of a manifest are refused by the server, with their paths',
    async ({ target, namespace }) => {
      using home = new Home(target)
      const wrong = { ...deployment('web:1'), spec: { ...(deployment('web:1') as { spec: object }).spec, replica: 2 } }
      const printed = await home.refused(1, 'create', '-n', namespace, '-f', home.manifest('wrong', wrong))
      assert.match(printed, /strict decoding error: unknown field "spec.replica"/)
      assert.match(
        await home.kubectl('create', '-n', namespace, '--validate=warn', '-f', home.manifest('wrong', wrong)),
        /created/,
      )
    },
    { needs },
  )
})
