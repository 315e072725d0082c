import assert from 'node:assert/strict'
import test from 'node:test'
import { startCluster } from '#cluster'
import { Home } from '../behavior/home.ts'

const V4 = String.raw`10\.(?:9[6-9]|1\d\d)\.\d+\.\d+`
const V6 = 'fd00:10:96::[0-9a-f]+'

const service = (name: string, spec: object): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector: { app: 'web' }, ports: [{ port: 80 }], ...spec },
})

test('kubectl makes, shows and changes Services of two families', async () => {
  await using cluster = await startCluster({
    nodes: 1,
    serviceCIDR: '10.96.0.0/12,fd00:10:96::/112',
    clusterCIDR: '10.244.0.0/16,fd00:10:244::/56',
  })
  using home = new Home(cluster)
  const get = (name: string, path: string): Promise<string> => home.kubectl('get', 'service', name, '-o', `jsonpath={${path}}`)
  await home.kubectl('create', 'deployment', 'web', '--image=web:1', '--replicas=2')
  await home.kubectl('rollout', 'status', 'deployment/web', '--timeout=30s')

  await home.kubectl('expose', 'deployment', 'web', '--port=80')
  assert.equal(await get('web', '.spec.ipFamilyPolicy},{.spec.ipFamilies'), 'SingleStack,["IPv4"]')
  assert.match(
    await home.kubectl('get', 'service', 'web', '-o', 'wide'),
    new RegExp(`\\nweb +ClusterIP +${V4} +<none> +80/TCP +\\S+ +app=web\\n`),
  )

  const manifest = home.manifest('both', service('both', { ipFamilyPolicy: 'RequireDualStack' }))
  await home.kubectl('apply', '-f', manifest)
  await home.kubectl('wait', '--for=jsonpath={.subsets[0].addresses[1]}', 'endpoints/both', '--timeout=20s')
  const described = await home.kubectl('describe', 'service', 'both')
  assert.match(described, /IP Family Policy: +RequireDualStack\n/)
  assert.match(described, /IP Families: +IPv4,IPv6\n/)
  assert.match(described, new RegExp(`\\nIP: +${V4}\\nIPs: +${V4},${V6}\\n`))
  const addresses = await get('both', '.spec.clusterIPs')
  assert.match(await home.kubectl('apply', '-f', manifest), /unchanged/)

  // What kubectl keeps of the last manifest names no addresses: they stay, but for the one that the policy gives up.
  await home.kubectl('apply', '-f', home.manifest('one', service('both', { ipFamilyPolicy: 'SingleStack' })))
  assert.equal(await get('both', '.spec.clusterIPs'), JSON.stringify((JSON.parse(addresses) as string[]).slice(0, 1)))
  await home.kubectl('apply', '--server-side', '--force-conflicts', '-f', manifest)
  assert.match(await get('both', '.spec.clusterIPs'), new RegExp(`^\\["${V4}","${V6}"\\]$`))
  const order = home.manifest('order', service('both', { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6', 'IPv4'] }))
  assert.match(await home.refused(1, 'apply', '-f', order), /expected an IPv6 value as indicated by `ipFamilies\[0\]`/)

  assert.match(await home.kubectl('get', 'servicecidrs'), /\nkubernetes +10\.96\.0\.0\/12,fd00:10:96::\/112 /)
  assert.match(await home.kubectl('get', 'ipaddresses'), new RegExp(`\\n${V6} +services/default/both\\n`))
})
