import assert from 'node:assert/strict'
import test from 'node:test'
import { deviceClasses, resourceClaims, resourceClaimTemplates } from '#api'
import { refusal, startAdmissionTest } from '#testing'

const HEAVY = Array.from({ length: 7 }, (_, index) => `[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].all(x${index}, `).join('')

/** Each with what is said of it; '' where nothing is. */
const EXPRESSIONS: readonly (readonly [expression: string, complaint: string])[] = [
  ['device.driver == "gpu.example.com"', ''],
  ['device.attributes["gpu.example.com"].isGood', ''],
  ['"isGood" in device.attributes["gpu.example.com"]', ''],
  ['device.capacity["gpu.example.com"].memory.isGreaterThan(quantity("1Gi"))', ''],
  ['device.attributes["gpu.example.com"].version.isGreaterThan(semver("1.2.3"))', ''],
  ['cel.bind(gpu, device.attributes["gpu.example.com"], gpu.isGood && gpu.model == "a")', ''],
  ['device.allowMultipleAllocations', ''],
  ['device.attributes["gpu.example.com"].services.matches("[a-z]*")', ''],
  [`${HEAVY}int('1'.find('[0-9]*')) < 100${')'.repeat(7)}`, 'Forbidden: too complex, exceeds cost limit'],
  ['device.driver', 'must evaluate to bool or the unknown type, not string'],
  ['dyn(device.driver)', 'must evaluate to bool or the unknown type, not dyn'],
  ['device.name == "a"', "compilation failed: ERROR: <input>:1:7: undefined field 'name'"],
  ['noSuch', "compilation failed: ERROR: <input>:1:1: undeclared reference to 'noSuch'"],
  ['device.driver ==', 'compilation failed: ERROR: <input>:1:17: Syntax error'],
  ['', 'compilation failed: ERROR: <input>:1:0: Syntax error'],
]

test('selectors of devices are compiled and weighed when they are written', async () => {
  await using api = await startAdmissionTest()
  for (const [index, [expression, complaint]] of EXPRESSIONS.entries()) {
    const made = api.client.create(deviceClasses, {
      metadata: { name: `class-${index}` },
      spec: { selectors: [{ cel: { expression } }] },
    } as never)
    if (complaint === '') await made
    else {
      const said = await refusal(made)
      const value = complaint.startsWith('Forbidden') ? '' : `Invalid value: ${JSON.stringify(expression)}: `
      const start = `DeviceClass.resource.k8s.io "class-${index}" is invalid: spec.selectors[0].cel.expression: ${value}${complaint}`
      assert.equal(said.slice(0, start.length), start)
    }
  }
})

test('a selector is found wherever a claim or a template has one', async () => {
  await using api = await startAdmissionTest()
  const selectors = [{ cel: { expression: 'device.driver == "a"' } }, { cel: { expression: '1' } }]
  const requests = [
    { name: 'one', exactly: { deviceClassName: 'gpu', selectors } },
    { name: 'two', firstAvailable: [{ name: 'a', deviceClassName: 'gpu', selectors }] },
  ]
  const fields = ['[0].exactly', '[1].firstAvailable[0]'].map(
    (at) => `devices.requests${at}.selectors[1].cel.expression: Invalid value: "1": must evaluate to bool`,
  )
  const metadata = { name: 'x', namespace: 'default' }
  const claim = await refusal(api.client.create(resourceClaims, { metadata, spec: { devices: { requests } } } as never))
  const template = await refusal(
    api.client.create(resourceClaimTemplates, { metadata, spec: { spec: { devices: { requests } } } } as never),
  )
  for (const field of fields) {
    assert.ok(claim.includes(`spec.${field}`), claim)
    assert.ok(template.includes(`spec.spec.${field}`), template)
  }
})

test('selectors that an update leaves as they were are not compiled again', async () => {
  await using api = await startAdmissionTest()
  const spec = { selectors: [{ cel: { expression: 'device.driver == "a"' } }] }
  const made = await api.client.create(deviceClasses, { metadata: { name: 'x' }, spec } as never)
  const labelled = await api.client.update(deviceClasses, { ...made, metadata: { ...made.metadata, labels: { a: 'b' } } })
  const broken = { ...labelled, spec: { selectors: [...spec.selectors, { cel: { expression: 'nothing' } }] } }
  assert.match(
    await refusal(api.client.update(deviceClasses, broken)),
    /spec\.selectors\[1\]\.cel\.expression: Invalid value: "nothing"/,
  )
})
