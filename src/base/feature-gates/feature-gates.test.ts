import assert from 'node:assert/strict'
import test from 'node:test'
import { FeatureGates, parseFeatureGates } from './feature-gates.ts'

test('gates are what they are in Kubernetes 1.36 unless they are set', () => {
  const gates = new FeatureGates()
  assert.equal(gates.isOn('ClusterTrustBundle'), false)
  assert.equal(gates.isOn('WatchList'), true)
  assert.equal(gates.isOn('MutatingAdmissionPolicy'), true, 'GA since 1.36')
  assert.equal(gates.isOn('HPAScaleToZero'), false)
  assert.equal(gates.isOn('KMSv1'), false)
  assert.deepEqual(gates.changed, [])
  const set = new FeatureGates({ ClusterTrustBundle: true, WatchList: true, PodDeletionCost: false })
  assert.equal(set.isOn('ClusterTrustBundle'), true)
  assert.deepEqual(set.changed, [
    ['ClusterTrustBundle', true],
    ['PodDeletionCost', false],
  ])
})

test('AllAlpha and AllBeta turn those that are not named themselves', () => {
  const gates = new FeatureGates({ AllAlpha: true, AllBeta: true, HPAScaleToZero: false })
  assert.equal(gates.isOn('ClusterTrustBundle'), true)
  assert.equal(gates.isOn('GenericWorkload'), true)
  assert.equal(gates.isOn('HPAScaleToZero'), false)
  assert.equal(gates.isOn('KMSv1'), false, 'deprecated is neither')
  assert.equal(new FeatureGates({ AllBeta: false }).isOn('WatchList'), false)
})

test('what is unknown, locked, or lacks what it needs is refused in upstream’s words', () => {
  const problem = (settings: Record<string, boolean>): string => {
    try {
      new FeatureGates(settings)
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }
  assert.equal(problem({ Nonsense: true }), 'unrecognized feature gate: Nonsense')
  assert.equal(problem({ toString: true }), 'unrecognized feature gate: toString')
  assert.equal(
    problem({ DynamicResourceAllocation: false }),
    'cannot set feature gate DynamicResourceAllocation to false, feature is locked to true',
  )
  assert.equal(problem({ DynamicResourceAllocation: true }), '')
  assert.equal(
    problem({ ClusterTrustBundleProjection: true }),
    'ClusterTrustBundleProjection is enabled, but depends on features that are disabled: [ClusterTrustBundle]',
  )
  assert.equal(problem({ ClusterTrustBundleProjection: true, ClusterTrustBundle: true }), '')
  assert.equal(problem({ A: true, B: false }), '[unrecognized feature gate: A, unrecognized feature gate: B]')
})

test('a flag of gates is read as upstream reads it', () => {
  assert.deepEqual(parseFeatureGates('A=true, kube:B=F,,C=0'), { A: true, B: false, C: false })
  const wrong: Readonly<Record<string, string>> = {
    A: 'missing bool value for A',
    'A=yes': 'invalid value of A=yes, err: strconv.ParseBool: parsing "yes": invalid syntax',
    'A=true=true': 'invalid value of A=true=true, err: strconv.ParseBool: parsing "true=true": invalid syntax',
    'wardle:A=true': 'component not registered: wardle',
    'A=toString': 'invalid value of A=toString, err: strconv.ParseBool: parsing "toString": invalid syntax',
  }
  for (const [text, message] of Object.entries(wrong)) assert.throws(() => parseFeatureGates(text), { message })
})
