import type { Pod } from '../../src/api/index.ts'

export const podName = (index: number): string => `web-5d78c9869d-${index}`

const volume = 'kube-api-access-abcde'

/** A pod as a Deployment's is, about 3 KB once it is stored. */
export function podAt(index: number): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: podName(index),
      namespace: 'default',
      labels: { app: 'web', 'pod-template-hash': '5d78c9869d' },
      annotations: { 'example.com/config-hash': '0a1b2c3d4e5f60718293a4b5c6d7e8f901234567' },
    },
    spec: {
      serviceAccountName: 'default',
      automountServiceAccountToken: false,
      volumes: [{ name: volume, emptyDir: {} }],
      containers: [
        { name: 'web', port: 8080 },
        { name: 'proxy', port: 8090 },
      ].map(({ name, port }) => ({
        name,
        image: `registry.example.com/team/${name}:1.25.3`,
        args: [`--port=${port}`, '--verbose', '--timeout=30s'],
        ports: [{ name, containerPort: port, protocol: 'TCP' }],
        env: [
          { name: 'POD_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
          { name: 'LOG_LEVEL', value: 'info' },
        ],
        resources: { limits: { cpu: '500m', memory: '128Mi' }, requests: { cpu: '250m', memory: '64Mi' } },
        livenessProbe: { httpGet: { path: '/healthz', port, scheme: 'HTTP' }, periodSeconds: 10 },
        volumeMounts: [{ name: volume, mountPath: '/var/cache' }],
      })),
    },
  }
}
