import assert from 'node:assert/strict'
import {
  type Deployment,
  deployments,
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
} from '#api'
import { behaviors, type Scene } from './behavior.ts'
import { supportsOperations } from './operations.ts'
import { refusal, until } from './waiting.ts'

const deployment = (namespace: string, name: string, replicas: number): Deployment => ({
  metadata: { name, namespace },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image: 'pause:3' }] } },
  },
})

/** Deployments of the scene's namespace alone, so that no other test meets the policy. */
const constraints = ({ namespace }: Scene) => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
  resourceRules: [{ operations: ['CREATE', 'UPDATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] }],
})

/** Puts a policy to work while `body` runs. */
async function validating(scene: Scene, spec: object, body: () => Promise<void>): Promise<void> {
  const { client, namespace: name } = scene
  await client.create(validatingAdmissionPolicies, {
    metadata: { name },
    spec: { matchConstraints: constraints(scene), ...spec },
  })
  try {
    await until(client, validatingAdmissionPolicies, name, (policy) => policy?.status?.observedGeneration === 1)
    const binding = { policyName: name, validationActions: ['Deny'] }
    await client.create(validatingAdmissionPolicyBindings, { metadata: { name }, spec: binding })
    await body()
  } finally {
    await client.delete(validatingAdmissionPolicies, name)
    await client.delete(validatingAdmissionPolicyBindings, name).catch(() => undefined)
  }
}

async function mutating(scene: Scene, spec: object, body: () => Promise<void>): Promise<void> {
  const { client, namespace: name } = scene
  await client.create(mutatingAdmissionPolicies, { metadata: { name }, spec: { matchConstraints: constraints(scene), ...spec } })
  try {
    await client.create(mutatingAdmissionPolicyBindings, { metadata: { name }, spec: { policyName: name } })
    await body()
  } finally {
    await client.delete(mutatingAdmissionPolicies, name)
    await client.delete(mutatingAdmissionPolicyBindings, name).catch(() => undefined)
  }
}

behaviors('admission-policy', (behavior) => {
  behavior(
    '[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should validate against a Deployment [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      const validations = [
        {
          expression: 'object.spec.replicas > 1',
          messageExpression: "'wants replicas > 1, got ' + string(object.spec.replicas)",
        },
      ]
      await validating(scene, { validations }, async () => {
        const { message } = await refusal(client.create(deployments, deployment(namespace, 'few', 1)), 'Invalid')
        assert.match(message, /denied request: wants replicas > 1, got 1$/)
        await client.create(deployments, deployment(namespace, 'enough', 2))
      })
    },
  )

  behavior(
    '[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should allow expressions to refer variables. [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      const variables = [
        { name: 'replicas', expression: 'object.spec.replicas' },
        { name: 'oddReplicas', expression: 'variables.replicas % 2 == 1' },
      ]
      const validations = [{ expression: 'variables.replicas > 1' }, { expression: 'variables.oddReplicas' }]
      await validating(scene, { variables, validations }, async () => {
        const few = await refusal(client.create(deployments, deployment(namespace, 'few', 1)), 'Invalid')
        assert.match(few.message, /failed expression: variables.replicas > 1$/)
        const even = await refusal(client.create(deployments, deployment(namespace, 'even', 4)), 'Invalid')
        assert.match(even.message, /failed expression: variables.oddReplicas$/)
        await client.create(deployments, deployment(namespace, 'odd', 3))
      })
    },
  )

  behavior(
    '[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should mutate a Deployment [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      const expression = 'Object{spec: Object.spec{replicas: object.spec.replicas + 1}}'
      const mutations = [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }]
      await mutating(scene, { mutations }, async () => {
        const made = await client.create(deployments, deployment(namespace, 'grows', 1))
        assert.equal(made.spec?.replicas, 2)
        assert.equal(made.spec?.template.spec?.containers[0]?.name, 'main')
      })
    },
  )

  behavior(
    '[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should mutate a Deployment with annotations [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      const expression = 'Object{metadata: Object.metadata{annotations: Object.metadata.annotations{marked: "by-policy"}}}'
      const mutations = [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }]
      await mutating(scene, { mutations }, async () => {
        const plain = deployment(namespace, 'marked', 1)
        const made = await client.create(deployments, { ...plain, metadata: { ...plain.metadata, annotations: { own: 'yes' } } })
        assert.deepEqual(made.metadata?.annotations, { own: 'yes', marked: 'by-policy' })
      })
    },
  )

  behavior(
    '[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should support ValidatingAdmissionPolicy API operations [Conformance]',
    (scene) =>
      supportsOperations(scene, validatingAdmissionPolicies, {
        make: () => ({
          metadata: { generateName: `${scene.namespace}-` },
          spec: { matchConstraints: constraints(scene), validations: [{ expression: 'object.spec.replicas <= 100' }] },
        }),
      }),
  )

  behavior(
    '[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should support ValidatingAdmissionPolicyBinding API operations [Conformance]',
    (scene) =>
      supportsOperations(scene, validatingAdmissionPolicyBindings, {
        make: () => ({
          metadata: { generateName: `${scene.namespace}-` },
          spec: { policyName: 'of-nobody.example.com', validationActions: ['Deny'] },
        }),
      }),
  )

  behavior(
    '[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should support MutatingAdmissionPolicy API operations [Conformance]',
    (scene) =>
      supportsOperations(scene, mutatingAdmissionPolicies, {
        make: () => ({
          metadata: { generateName: `${scene.namespace}-` },
          spec: {
            matchConstraints: constraints(scene),
            mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{}' } }],
          },
        }),
      }),
  )

  behavior(
    '[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should support MutatingAdmissionPolicyBinding API operations [Conformance]',
    (scene) =>
      supportsOperations(scene, mutatingAdmissionPolicyBindings, {
        make: () => ({
          metadata: { generateName: `${scene.namespace}-` },
          spec: { policyName: 'of-nobody.example.com' },
        }),
      }),
  )
})
