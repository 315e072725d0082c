import assert from 'node:assert/strict'
import test from 'node:test'
import { type ValidatingAdmissionPolicy, validatingAdmissionPolicies } from '#api'
import { startTestCluster } from '#testing'

const policyOf = (expression: string): ValidatingAdmissionPolicy => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicy',
  metadata: { name: 'p' },
  spec: {
    matchConstraints: {
      resourceRules: [
        { operations: ['CREATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments', 'replicasets'] },
      ],
    },
    variables: [{ name: 'replicas', expression: 'object.spec.replicas' }],
    validations: [{ expression }],
  },
})

test('a policy’s status tells which of its expressions do not fit the types they are about', async () => {
  await using cluster = await startTestCluster({ transport: 'in process' })
  const { client, clock } = cluster
  const status = async () => (await client.get(validatingAdmissionPolicies, 'p')).status
  await client.create(validatingAdmissionPolicies, policyOf('variables.replicas > 1 && object.spec.strategy.nothing == 1'))
  await clock.advance(100)
  const first = await status()
  assert.equal(first?.observedGeneration, 1)
  const [warning, ...more] = first?.typeChecking?.expressionWarnings ?? []
  assert.deepEqual([warning?.fieldRef, more], ['spec.validations[0].expression', []])
  assert.match(warning!.warning, /^apps\/v1, Kind=Deployment: ERROR: <input>:1:\d+: undefined field 'nothing'/)
  assert.match(warning!.warning, /\n\napps\/v1, Kind=ReplicaSet: ERROR: <input>:1:\d+: undefined field 'strategy'[\s\S]*\^\n$/)

  const current = await client.get(validatingAdmissionPolicies, 'p')
  await client.update(validatingAdmissionPolicies, { ...current, spec: policyOf('variables.replicas > 1').spec! })
  await clock.advance(100)
  assert.deepEqual(await status(), { observedGeneration: 2, typeChecking: {} })
})
