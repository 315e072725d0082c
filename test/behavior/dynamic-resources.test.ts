import { deviceClasses, resourceClaims, resourceClaimTemplates, resourceSlices } from '#api'
import { behaviors } from './behavior.ts'
import { supportsOperations } from './operations.ts'

const devices = { requests: [{ name: 'req-0', exactly: { deviceClassName: 'my-class' } }] }

behaviors('dynamic resources', (behavior) => {
  behavior('[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 DeviceClass [Conformance]', async (scene) => {
    await supportsOperations(scene, deviceClasses, {
      make: () => ({
        metadata: { generateName: 'class-' },
        spec: { selectors: [{ cel: { expression: 'device.driver == "example.com"' } }] },
      }),
      change: (draft) => void (draft.spec.selectors = []),
    })
  })

  behavior('[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 ResourceClaim [Conformance]', async (scene) => {
    const { namespace } = scene
    await supportsOperations(scene, resourceClaims, {
      make: () => ({ metadata: { generateName: 'claim-' }, spec: { devices } }),
      status: {
        allocation: {
          devices: { results: [{ request: 'req-0', driver: 'example.com', pool: namespace, device: 'dev-0' }] },
        },
      },
    })
  })

  behavior('[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 ResourceClaimTemplate [Conformance]', async (scene) => {
    await supportsOperations(scene, resourceClaimTemplates, {
      make: () => ({ metadata: { generateName: 'template-' }, spec: { spec: { devices } } }),
    })
  })

  behavior('[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 ResourceSlice [Conformance]', async (scene) => {
    const { namespace } = scene
    await supportsOperations(scene, resourceSlices, {
      make: () => ({
        metadata: { generateName: 'slice-' },
        spec: {
          driver: 'example.com',
          nodeName: 'node-1',
          pool: { name: namespace, generation: 1, resourceSliceCount: 1 },
          devices: [{ name: 'dev-0' }],
        },
      }),
      change: (draft) => void (draft.spec.pool.generation = 2),
    })
  })
})
