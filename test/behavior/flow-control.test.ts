import { flowSchemas, priorityLevelConfigurations } from '#api'
import { behaviors } from './behavior.ts'
import { supportsOperations } from './operations.ts'

const FLOW_CONTROL = '[sig-api-machinery] API priority and fairness should support'

behaviors('flow control', (behavior) => {
  behavior(`${FLOW_CONTROL} FlowSchema API operations [Conformance]`, (scene) =>
    supportsOperations(scene, flowSchemas, {
      make: (index) => ({
        metadata: { name: `${scene.namespace}-${index}` },
        spec: {
          // Behind everything else, so that no request is taken for one of these.
          matchingPrecedence: 10_000,
          priorityLevelConfiguration: { name: 'global-default' },
          distinguisherMethod: { type: 'ByUser' },
          rules: [
            {
              subjects: [{ kind: 'User', user: { name: 'example-e2e-non-existent-user' } }],
              nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
            },
          ],
        },
      }),
      change: (draft) => {
        draft.spec!.matchingPrecedence = 9_999
      },
    }),
  )

  behavior(`${FLOW_CONTROL} PriorityLevelConfiguration API operations [Conformance]`, (scene) =>
    supportsOperations(scene, priorityLevelConfigurations, {
      make: (index) => ({
        metadata: { name: `${scene.namespace}-${index}` },
        spec: { type: 'Limited', limited: { nominalConcurrencyShares: 2, limitResponse: { type: 'Reject' } } },
      }),
      change: (draft) => {
        draft.spec!.limited!.nominalConcurrencyShares = 4
      },
      status: { conditions: [{ type: 'Behavior', status: 'True', reason: 'Test', message: 'written through the subresource' }] },
    }),
  )
})
