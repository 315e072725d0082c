import assert from 'node:assert/strict'
import test from 'node:test'
import { schemaOf } from '../schemas.ts'
import { ORDER } from './internal-fields.ts'
import { differenceOf, internalForm, templateForm } from './internal-form.ts'

const MOVED = ['hostIPC', 'hostNetwork', 'hostPID', 'hostUsers', 'shareProcessNamespace']
/** What upstream's own types have not, or elsewhere. */
const NOT_WITHIN: Readonly<Record<string, readonly string[]>> = {
  PodSpec: ['serviceAccount', ...MOVED],
  PersistentVolumeSource: [
    ...['accessModes', 'capacity', 'claimRef', 'mountOptions', 'nodeAffinity', 'persistentVolumeReclaimPolicy'],
    ...['storageClassName', 'volumeAttributesClassName', 'volumeMode'],
  ],
}

test('every field of every type has its place in the order of upstream', () => {
  for (const [type, order] of Object.entries(ORDER)) {
    const published = type === 'PersistentVolumeSource' ? 'PersistentVolumeSpec' : type
    const fields = Object.keys(schemaOf(`io.k8s.api.core.v1.${published}`).properties ?? {})
    const expected = fields.filter((field) => !NOT_WITHIN[type]?.includes(field))
    const own = order.split(' ').filter((field) => type !== 'PodSecurityContext' || !MOVED.includes(field))
    assert.deepEqual(own.toSorted(), expected.toSorted(), type)
  }
})

test('a type of upstream says every field, by its name in Go, and nothing of what is not there', () => {
  assert.deepEqual(internalForm({ name: 'p', containerPort: 80, protocol: 'TCP' }, 'ContainerPort'), {
    Name: 'p',
    HostPort: 0,
    ContainerPort: 80,
    Protocol: 'TCP',
    HostIP: '',
  })
  const form = internalForm(
    { containers: [{ name: 'c', resources: { limits: { memory: '1Mi', cpu: '1' } } }], hostNetwork: true, hostUsers: false },
    'PodSpec',
  )
  const { HostNetwork, HostPID, HostUsers, RunAsUser } = form['SecurityContext'] as Record<string, unknown>
  assert.deepEqual([HostNetwork, HostPID, HostUsers, RunAsUser], [true, false, false, null])
  const [container] = form['Containers'] as Record<string, unknown>[]
  assert.equal(JSON.stringify(container!['Resources']), '{"Limits":{"cpu":"1","memory":"1Mi"},"Requests":null,"Claims":null}')
  assert.deepEqual(
    [container!['TTY'], container!['Stdin'], container!['SecurityContext'], form['NodeSelector']],
    [false, false, null, null],
  )
  const source = internalForm({ containerName: 'c', resource: 'limits.cpu' }, 'ResourceFieldSelector')
  assert.deepEqual(source, { ContainerName: 'c', Resource: 'limits.cpu', Divisor: '0' })
})

test('metadata is shown as it is published, within its owner', () => {
  const template = { metadata: { labels: { b: '1', a: '2' }, name: 'n' }, spec: { containers: [] } }
  assert.match(
    JSON.stringify(templateForm(template)),
    /^\{"name":"n","labels":\{"a":"2","b":"1"\},"Spec":\{"Volumes":null,"InitContainers":null,/,
  )
})

test('what differs is a line for each field', () => {
  const claim = { accessModes: ['ReadWriteOnce'], selector: { matchExpressions: [{ operator: 'Exists', key: '<' }] } }
  assert.equal(
    differenceOf({ ...claim, volumeMode: 'Block' }, claim, 'PersistentVolumeClaimSpec'),
    [
      '@@ -16,7 +16,7 @@',
      '  },',
      '  "VolumeName": "",',
      '  "StorageClassName": null,',
      '- "VolumeMode": null,',
      '+ "VolumeMode": "Block",',
    ].join('\n') + '\n  "DataSource": null,\n  "DataSourceRef": null,\n  "VolumeAttributesClassName": null\n',
  )
})
