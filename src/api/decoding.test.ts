import assert from 'node:assert/strict'
import test from 'node:test'
import { conform, decodeText } from '#meta'
import { schemaOf } from './schemas.ts'

interface Read {
  readonly value: Record<string, unknown>
  readonly findings?: readonly string[] | undefined
}

async function read(kind: string, text: string): Promise<Read> {
  const { value, oddities } = await decodeText(Buffer.from(text), 'json')
  return conform(value, schemaOf(`io.k8s.api.core.v1.${kind}`), { oddities }) as Read
}

test('a value of a wrong type is refused with the names that Go’s types have', async () => {
  const cases: readonly (readonly [kind: string, text: string, message: string])[] = [
    ['Pod', '{"spec":5}', 'number into Go struct field Pod.spec of type v1.PodSpec'],
    ['Pod', '{"metadata":{"labels":{"a":1}}}', 'number into Go struct field ObjectMeta.metadata.labels of type string'],
    ['Pod', '{"metadata":{"labels":1}}', 'number into Go struct field ObjectMeta.metadata.labels of type map[string]string'],
    ['Pod', '{"metadata":{"uid":1}}', 'number into Go struct field ObjectMeta.metadata.uid of type types.UID'],
    ['Pod', '{"spec":{"containers":"x"}}', 'string into Go struct field PodSpec.spec.containers of type []v1.Container'],
    ['Pod', '{"spec":{"containers":[1]}}', 'number into Go struct field PodSpec.spec.containers of type v1.Container'],
    ['Pod', '{"spec":{"dnsPolicy":true}}', 'bool into Go struct field PodSpec.spec.dnsPolicy of type v1.DNSPolicy'],
    ['Pod', '{"spec":{"overhead":[]}}', 'array into Go struct field PodSpec.spec.overhead of type v1.ResourceList'],
    [
      'Pod',
      '{"spec":{"volumes":[{"hostPath":1}]}}',
      'number into Go struct field Volume.spec.volumes.VolumeSource.hostPath of type v1.HostPathVolumeSource',
    ],
    [
      'Pod',
      '{"spec":{"containers":[{"ports":[{"containerPort":1.0}]}]}}',
      'number 1.0 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32',
    ],
    [
      'Pod',
      '{"spec":{"containers":[{"livenessProbe":{"httpGet":{"port":1e3}}}]}}',
      'number 1e3 into Go struct field HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32',
    ],
    [
      'Pod',
      '{"metadata":{"creationTimestamp":1}}',
      'number into Go struct field ObjectMeta.metadata.creationTimestamp of type string',
    ],
    [
      'PersistentVolumeClaim',
      '{"spec":{"accessModes":[{}]}}',
      'object into Go struct field PersistentVolumeClaimSpec.spec.accessModes of type v1.PersistentVolumeAccessMode',
    ],
    ['Secret', '{"data":{"a":["b"]}}', 'string into Go struct field Secret.data of type uint8'],
  ]
  for (const [kind, text, message] of cases)
    await assert.rejects(read(kind, text), { message: `json: cannot unmarshal ${message}` }, text)
})

test('what makes no sense to its own decoder is told before a wrong type that stands earlier, and the first wrong type before others', async () => {
  const wrong = '"spec":{"hostNetwork":1,"hostPID":2}'
  await assert.rejects(read('Pod', `{${wrong}}`), /PodSpec\.spec\.hostNetwork of type bool$/)
  await assert.rejects(read('Pod', `{${wrong},"status":{"startTime":"x"}}`), {
    message: 'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"',
  })
})

test('bytes are base64 as Go reads it', async () => {
  const read64 = async (text: string): Promise<unknown> => (await read('Secret', `{"data":{"a":${text}}}`)).value['data']
  assert.deepEqual(await read64('"YQ=="'), { a: 'YQ==' })
  assert.deepEqual(await read64('"YR==\\n"'), { a: 'YQ==' })
  assert.deepEqual(await read64('[97,null]'), { a: 'YQA=' })
  const wrong: Record<string, number> = { YQ: 0, 'Y Q=': 1, '====': 0, 'YQ==YQ==': 4, 'YQ=x': 2, é: 0, 'YWJj\\nY': 5 }
  for (const [text, at] of Object.entries(wrong))
    await assert.rejects(read64(`"${text}"`), { message: `illegal base64 data at input byte ${at}` }, text)
})

test('a strict decoder tells what it finds in the order of the document, each once and a hundred at most', async () => {
  const text = '{"x":1,"metadata":{"name":"a","name":"b","y":{"z":1,"z":2}},"2":0,"x":1,"data":{"2":"a","1":"b","2":"c"}}'
  const { value, findings } = await read('ConfigMap', text)
  assert.deepEqual(findings, [
    'unknown field "x"',
    'duplicate field "metadata.name"',
    'unknown field "metadata.y"',
    'unknown field "2"',
    'duplicate field "data.2"',
  ])
  assert.deepEqual(value['data'], { 1: 'b', 2: 'c' })
  const many = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`field-${index}`, 1]))
  assert.equal((await read('ConfigMap', JSON.stringify(many))).findings?.length, 100)
})

test('a field that stands twice holds what both say', async () => {
  const text = `{
    "metadata": {"labels": {"a": "1", "b": "2"}, "name": "x", "namespace": "n"},
    "metadata": {"labels": {"b": "3"}, "name": "", "namespace": null},
    "spec": {"containers": [{"name": "a", "image": "i"}, {"name": "b"}], "containers": [{"name": "c"}], "nodeSelector": {"a": "b"}, "nodeSelector": null}
  }`
  const { value } = await read('Pod', text)
  assert.deepEqual(value['metadata'], { labels: { a: '1', b: '3' }, namespace: 'n' })
  assert.deepEqual(value['spec'], { containers: [{ name: 'c', image: 'i', resources: {} }] })
})

test('half a surrogate pair and bytes that are no UTF-8 read as replacement characters', async () => {
  const text = Buffer.concat([
    Buffer.from('{"data":{"a":"\\ud800x\\ud83d\\ude00","b":"'),
    Buffer.from([0xe2, 0x82, 0x41, 0xff]),
    Buffer.from('"}}'),
  ])
  const { value } = await decodeText(text, 'json')
  assert.deepEqual(value, { data: { a: '\ufffdx\u{1F600}', b: '\ufffd\ufffdA\ufffd' } })
})
